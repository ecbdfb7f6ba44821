// dev: watches the folder, pushes each change to the linked project, and prints the runs of the application.
import { existsSync, mkdirSync, watch } from 'node:fs';
import { sep } from 'node:path';
import type { Command } from 'commander';
import { requireTarget } from '../caller.ts';
import type { Context, Result } from '../context.ts';
import { type Report, Sync, type SyncOptions } from '../dev/sync.ts';
import { type TailedRun, tailRuns } from '../dev/tail.ts';
import { cliError, EXIT } from '../errors.ts';
import type { Output } from '../output.ts';
import type { Act } from '../program.ts';

interface DevOptions extends SyncOptions {
  runs: boolean;
}

/** An editor saves a file in several steps. */
const QUIET_MS = 150;
const OWN = new Set(['.state', 'config.json', 'install.json', 'types.ts', 'node_modules']);

export function addDevCommand(program: Command, act: Act): void {
  program
    .command('dev')
    .summary('push each change of the folder, and print the runs')
    .description(
      'Watches stepbase/ and stores each change in the linked project: workflows as drafts, components and schedules at once. It prints problems with file and line, and the runs of the application, until you stop it with Ctrl-C. With --json, prints one JSON value per line. Use a project for development.',
    )
    .option('--publish', 'publish workflows whose drafts have no error')
    .option('--force', 'overwrite changes that are not in git')
    .option('--no-runs', 'do not print runs')
    .action(act((context, options: DevOptions) => dev(context, options)));
}

async function dev(context: Context, { runs, ...options }: DevOptions): Promise<Result> {
  const { project, target, out } = context;
  await requireTarget(context);
  const stopped = new AbortController();
  const stop = () => stopped.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    mkdirSync(project.workflows, { recursive: true });
    say(out, 'watching', `Watching ${project.folder} for ${target.name} (${target.url}).`);
    const sync = new Sync(context, options, (report) => printReport(out, report));
    const tailing = runs
      ? tailRuns(
          context.server,
          stopped.signal,
          (run) => printRun(out, run),
          (message) => out.note(`runs: ${message}`),
        )
      : undefined;
    await syncOnChange(project.folder, sync, stopped.signal, out);
    await tailing;
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
  say(out, 'stopped', 'Stopped.');
  return { exit: EXIT.ok };
}

/** Turns follow each other; a change during a turn makes another one. Ends with the signal. */
async function syncOnChange(
  folder: string,
  sync: Sync,
  signal: AbortSignal,
  out: Output,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let isDue = true;
  let wake: () => void = () => undefined;
  const due = () => {
    isDue = true;
    wake();
  };
  const watcher = watch(folder, { recursive: true }, (_event, file) => {
    if (file !== null && OWN.has(file.split(sep)[0] ?? '')) return;
    clearTimeout(timer);
    timer = setTimeout(due, QUIET_MS);
  });
  watcher.on('error', (error) => out.note(`watch: ${error.message}`));
  signal.addEventListener('abort', () => wake(), { once: true });
  try {
    while (!signal.aborted) {
      if (!isDue) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (isDue || signal.aborted) resolve();
        });
        continue;
      }
      isDue = false;
      if (!existsSync(folder)) continue;
      await sync.run(signal).catch((error: unknown) => {
        if (!signal.aborted) out.note(`error: ${cliError(error).message}`);
      });
    }
  } finally {
    clearTimeout(timer);
    watcher.close();
  }
}

function say(out: Output, type: string, text: string): void {
  if (out.json) out.record({ type, text });
  else out.line(`${out.style('dim', time())}  ${text}`);
}

const time = (): string => new Date().toLocaleTimeString('en-GB');

function printReport(out: Output, report: Report): void {
  if (out.json) {
    out.record(report);
    return;
  }
  if (report.type !== 'problem') {
    say(out, report.type, report.text);
    return;
  }
  const { file, line, workflow, severity, code, message, hint } = report;
  const place = line === null ? file : `${file}:${line}`;
  const mark = out.style(severity === 'error' ? 'red' : 'yellow', `${severity}:`);
  say(out, 'problem', `${place}${workflow === null ? '' : `  ${workflow}`}`);
  out.line(`  ${mark} ${message} (${code})`);
  if (hint !== null) out.line(`  ${hint}`);
}

function printRun(out: Output, run: TailedRun): void {
  const { id, workflow, status, steps_completed: done, steps_total: all } = run;
  if (out.json) {
    out.record({ type: 'run', run: id, workflow, status, steps_completed: done, steps_total: all });
    return;
  }
  const isBad = status === 'failed' || status === 'timed_out';
  const color = isBad ? 'red' : status === 'completed' ? 'green' : 'dim';
  say(
    out,
    'run',
    `run ${id}  ${workflow ?? ''}  ${out.style(color, status)}  ${done}/${all} steps`,
  );
  if (isBad) out.line(`  stepbase explain ${id}`);
}
