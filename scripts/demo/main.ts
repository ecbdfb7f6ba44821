// npm run demo [-- --json]: three workflows from start to finish, watched from a terminal.
// With --json the story goes to stderr and the last line of stdout is one JSON object.

import { parseArgs } from 'node:util';
import { runDemo } from './demo.ts';
import { toJson, toTable } from './report.ts';

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
const print = values.json ? console.error : console.log;

const STOP_DEADLINE_MS = 20_000;
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The first asks everything to end in order; whoever asks twice does not want to wait.
    if (interrupted.signal.aborted) process.exit(130);
    print(`\n${signal === 'SIGINT' ? 'Interrupted' : 'Terminated'}: stopping the stack …`);
    interrupted.abort(new Error('interrupted'));
    // Nothing may keep an interrupted demo: the stack's watchdog ends what is left of it.
    setTimeout(() => process.exit(130), STOP_DEADLINE_MS).unref();
  });
}

try {
  const report = await runDemo({ print, signal: interrupted.signal });
  print(`\n${toTable(report)}`);
  const done = report.every((run) => run.status === 'completed');
  if (!done) print('\nNot all runs completed.');
  if (values.json) console.log(toJson(report));
  process.exitCode = done ? 0 : 1;
} catch (error) {
  if (interrupted.signal.aborted) {
    process.exitCode = 130;
  } else {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
// Everything is stopped; supabase-js keeps a ten-second timer of a closed socket that nobody waits for.
process.exit();
