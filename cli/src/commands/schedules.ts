// schedules: starts of workflows at times of a cron expression.
import type { Command } from 'commander';
import type { OverlapPolicy, Schedule } from '../../../sdk/src/index.ts';
import type { Context, Result } from '../context.ts';
import { readObjectOption } from '../input.ts';
import { table, timeText } from '../output.ts';
import type { Act } from '../program.ts';

export function addScheduleCommands(program: Command, act: Act): void {
  const group = program.command('schedules').summary('list and change schedules');
  group
    .command('list', { isDefault: true })
    .summary('list the schedules')
    .option('--workflow <name>', 'only of this workflow')
    .action(act((context, options: { workflow?: string }) => list(context, options.workflow)));
  group
    .command('create')
    .summary('create a schedule')
    .argument('<workflow>', 'the name of the workflow')
    .argument('<cron>', 'minute, hour, day, month and weekday, such as "0 7 * * mon-fri"')
    .option('--name <name>', 'the name that people see')
    .option('--timezone <name>', 'such as Europe/Berlin; default: UTC')
    .option('--input <json>', 'the input of the runs: JSON, @file or -')
    .option('--overlap <policy>', 'allow, skip, queue or cancel_previous')
    .action(
      act((context, workflow: string, cron: string, options: CreateOptions) =>
        create(context, workflow, cron, options),
      ),
    );
  const one = (
    name: string,
    summary: string,
    work: (context: Context, id: string) => Promise<Result>,
  ) =>
    group
      .command(name)
      .summary(summary)
      .argument('<schedule>', 'the id of the schedule')
      .action(act((context, id: string) => work(context, id)));
  one('pause', 'pause a schedule; its times are skipped', async ({ stepbase }, id) =>
    changed(await stepbase.schedules.pause(id), 'paused'),
  );
  one('resume', 'resume a schedule', async ({ stepbase }, id) =>
    changed(await stepbase.schedules.resume(id), 'resumed'),
  );
  one('run', 'start a run of a schedule now', async ({ stepbase }, id) => {
    const made = await stepbase.schedules.runNow(id);
    return {
      data: made,
      lines: [`${made.outcome}  ${made.run_id ?? made.detail ?? ''}`.trimEnd()],
    };
  });
  one('next', 'list the next times of a schedule', async ({ stepbase }, id) => {
    const times = await stepbase.schedules.nextTimes(id);
    const none =
      'There is no next time: the schedule is paused or finished, or is so new that a worker has not read it.';
    return { data: times, lines: times.length === 0 ? [none] : times };
  });
  one('delete', 'delete a schedule', async ({ stepbase }, id) => {
    await stepbase.schedules.delete(id);
    return { data: { schedule: id, deleted: true }, lines: [`${id}  deleted`] };
  });
}

async function list({ server, stepbase }: Context, workflow: string | undefined): Promise<Result> {
  const [rows, workflows] = await Promise.all([
    stepbase.schedules.list({ workflow }).toArray(),
    server.list<{ id: string; kebab_name: string }>('/v1/workflows'),
  ]);
  const names = new Map(workflows.map(({ id, kebab_name }) => [id, kebab_name]));
  return {
    data: rows,
    lines: table(
      ['SCHEDULE', 'WORKFLOW', 'NAME', 'CRON', 'TIMEZONE', 'STATE', 'NEXT'],
      rows.map((row) => [
        row.id,
        names.get(row.workflow_id),
        row.name,
        row.cron_expression,
        row.timezone,
        stateOf(row),
        timeText(row.next_run_at),
      ]),
      'There are no schedules.',
    ),
  };
}

const stateOf = ({ finished_at, is_enabled }: Schedule): string =>
  finished_at === null ? (is_enabled ? 'active' : 'paused') : 'finished';

interface CreateOptions {
  name?: string;
  timezone?: string;
  input?: string;
  overlap?: string;
}

async function create(
  context: Context,
  workflow: string,
  cron: string,
  { name, timezone, input, overlap }: CreateOptions,
): Promise<Result> {
  const made = await context.stepbase.schedules.create(workflow, {
    cron,
    name,
    timezone,
    input: await readObjectOption(context, 'The input', input),
    // The server refuses another policy.
    overlapPolicy: overlap as OverlapPolicy | undefined,
  });
  // A worker computes the first time.
  return {
    data: made,
    lines: [`${made.id}  created`, `Next: \`stepbase schedules next ${made.id}\``],
  };
}

const changed = (row: Schedule, what: string): Result => ({
  data: row,
  lines: [`${row.id}  ${what}`],
});
