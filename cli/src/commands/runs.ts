// start, runs, watch, logs, explain, signal: runs and what happens in them.
import { type Command, InvalidArgumentError } from 'commander';
import type { RunEvent, RunStatus, RunSummary } from '../../../sdk/src/index.ts';
import type { Context, Result } from '../context.ts';
import { EXIT } from '../errors.ts';
import { readJsonOption, readObjectOption } from '../input.ts';
import { type Output, table, timeText } from '../output.ts';
import type { Act } from '../program.ts';
import { segment } from '../server.ts';
import { explain } from './explain.ts';
import { type LogsOptions, logs } from './logs.ts';

const JSON_TEXT = 'JSON, @file or - (standard input)';

export function wholeNumber(text: string): number {
  if (/^-?\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number.');
}

const collected = (text: string, before: string[] = []): string[] => [...before, text];

export function addRunCommands(program: Command, act: Act): void {
  program
    .command('start')
    .summary('start a run')
    .description(
      'Starts a run of the published version. With --wait, prints its result; the exit code is 1 if it ends without success.',
    )
    .argument('<workflow>', 'the name of the workflow')
    .argument('[input]', JSON_TEXT)
    .option('--key <key>', 'idempotency key: the same key returns the first run')
    .option('--of-version <number>', 'start this version', wholeNumber)
    .option('--tag <tag>', 'a tag of the run; can be repeated', collected)
    .option('--priority <number>', '-100 to 100', wholeNumber)
    .option('--at <time>', 'do not start before this time')
    .option('--wait', 'wait for the end of the run')
    .option('--timeout <seconds>', 'of --wait; default: 300', wholeNumber)
    .action(
      act((context, workflow: string, input: string | undefined, options: StartOptions) =>
        start(context, workflow, input, options),
      ),
    );
  program
    .command('runs')
    .summary('list runs, the newest first')
    .option('--workflow <name>', 'only of this workflow')
    .option('--status <status>', 'only with this status; several with commas')
    .option('--limit <number>', 'default: 20', wholeNumber)
    .action(act((context, options: RunsOptions) => runs(context, options)));
  program
    .command('watch')
    .summary('print the events of a run until it has ended')
    .description(
      'Prints each event of the run, with --json one per line. The exit code is 1 if the run ends without success.',
    )
    .argument('<run>', 'the id of the run')
    .option('--after <seq>', 'only events after this one', wholeNumber)
    .action(
      act((context, run: string, { after }: { after?: number }) => watch(context, run, after)),
    );
  program
    .command('logs')
    .summary('print the log lines of a run')
    .argument('<run>', 'the id of the run')
    .option('--step <id>', 'only of this step')
    .option('--level <level>', 'only of this level and above: debug, info, warn or error')
    .option('-f, --follow', 'print further lines until the run has ended')
    .action(act((context, run: string, options: LogsOptions) => logs(context, run, options)));
  program
    .command('explain')
    .summary('explain why a run does not continue, or how a workflow is executed')
    .argument('<run-or-workflow>', 'the id of a run, or the name of a workflow')
    .action(act((context, what: string) => explain(context, what)));
  program
    .command('signal')
    .summary('send a signal to a run')
    .argument('<run>', 'the id of the run')
    .argument('<name>', 'the name of the signal')
    .argument('[payload]', JSON_TEXT)
    .action(
      act((context, run: string, name: string, payload?: string) =>
        signal(context, run, name, payload),
      ),
    );
  addCancelCommand(program, act);
}

function addCancelCommand(program: Command, act: Act): void {
  program
    .command('cancel')
    .summary('cancel a run')
    .description(
      'Cancels a run: its steps stop, and completed steps with a compensation are undone before it ends. With --force, nothing is undone.',
    )
    .argument('<run>', 'the id of the run')
    .option('--reason <text>', 'stored with the run')
    .option('--force', 'end it at once, without compensation')
    .action(act((context, run: string, options: CancelOptions) => cancel(context, run, options)));
}

interface StartOptions {
  key?: string;
  ofVersion?: number;
  tag?: string[];
  priority?: number;
  at?: string;
  wait?: boolean;
  timeout?: number;
}

async function start(
  context: Context,
  workflow: string,
  given: string | undefined,
  options: StartOptions,
): Promise<Result> {
  const input = await readObjectOption(context, 'The input', given);
  const run = await context.stepbase.start(workflow, input ?? {}, {
    idempotencyKey: options.key,
    version: options.ofVersion,
    tags: options.tag,
    priority: options.priority,
    startAt: options.at,
  });
  if (options.wait !== true) {
    const next = `Next: \`stepbase watch ${run.id}\``;
    return { data: run.row, lines: [`${run.id}  ${run.row.status}`, next] };
  }
  context.out.progress(`${run.id} runs`);
  const timeoutMs = options.timeout === undefined ? undefined : options.timeout * 1_000;
  const row = await run.ended({ timeoutMs });
  return { data: row, lines: endLines(row), exit: exitOf(row.status) };
}

const exitOf = (status: string): number => (status === 'completed' ? EXIT.ok : EXIT.no);

function endLines({ id, status, output, error }: RunSummary & { output: unknown }): string[] {
  if (status === 'completed') return [JSON.stringify(output, null, 2)];
  return [`${id}  ${status}  ${error === null ? '' : JSON.stringify(error)}`.trimEnd()];
}

interface RunsOptions {
  workflow?: string;
  status?: string;
  limit?: number;
}

type Row = RunSummary & { workflow: string | null; status: RunStatus };

async function runs(
  { server }: Context,
  { workflow, status, limit = 20 }: RunsOptions,
): Promise<Result> {
  const rows = await server.list<Row>('/v1/runs', { workflow, status }, limit);
  return {
    data: rows,
    lines: table(
      ['RUN', 'WORKFLOW', 'STATUS', 'STEPS', 'CREATED'],
      rows.map((row) => [
        row.id,
        row.workflow,
        row.status,
        `${row.steps_completed}/${row.steps_total}`,
        timeText(row.created_at),
      ]),
      'There are no such runs.',
    ),
  };
}

async function watch(
  { stepbase, out }: Context,
  runId: string,
  after: number | undefined,
): Promise<Result> {
  const run = stepbase.run(runId);
  for await (const event of run.watch({ after })) {
    if (out.json) out.record(event);
    else out.line(eventLine(out, event));
  }
  const { status, error } = await run.get();
  if (error !== null && !out.json) out.note(`${status}: ${JSON.stringify(error)}`);
  return { exit: exitOf(status) };
}

function eventLine(out: Output, { seq, type, step_id, attempt, at }: RunEvent): string {
  const color = /failed|timed_out/.test(type)
    ? 'red'
    : type.endsWith('completed')
      ? 'green'
      : 'dim';
  const step = step_id === null ? '' : `  ${step_id}`;
  const again = attempt !== null && attempt > 1 ? ` (attempt ${attempt})` : '';
  return `${String(seq).padStart(4)}  ${timeText(at)}  ${out.style(color, type)}${step}${again}`;
}

interface CancelOptions {
  reason?: string;
  force?: boolean;
}

async function cancel(
  { stepbase }: Context,
  runId: string,
  { reason, force }: CancelOptions,
): Promise<Result> {
  const row = await stepbase.run(runId).cancel({ reason, force });
  return { data: row, lines: [`${row.id}  ${row.status}`] };
}

async function signal(
  context: Context,
  runId: string,
  name: string,
  given: string | undefined,
): Promise<Result> {
  const payload = await readJsonOption(context, 'The payload', given);
  const path = `/v1/runs/${segment(runId)}/signals/${segment(name)}`;
  await context.server.post(path, payload === undefined ? {} : { payload });
  return { data: { run: runId, signal: name }, lines: [`Sent ${name} to ${runId}.`] };
}
