// npm run demo [-- --json]: runs three workflows and prints each step. With --json this output goes to stderr, and the
// last line of stdout is one JSON object.

import { parseArgs } from 'node:util';
import { runDemo } from './demo.ts';
import { toJson, toTable } from './report.ts';

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
const print = values.json ? console.error : console.log;

const STOP_DEADLINE_MS = 20_000;
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The first signal stops everything in order; the second one exits at once.
    if (interrupted.signal.aborted) process.exit(130);
    print(`\n${signal === 'SIGINT' ? 'Interrupted' : 'Terminated'}: stopping the stack …`);
    interrupted.abort(new Error('interrupted'));
    // An interrupted demo must exit: the watchdog of the stack ends the remaining processes.
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
// Everything is stopped, except for a ten-second timer of supabase-js for a closed socket.
process.exit();
