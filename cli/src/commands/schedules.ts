// schedules: starts of workflows at times of a cron expression.
import type { Command } from 'commander';
import type { OverlapPolicy, Schedule } from '../../../sdk/src/index.ts';
import type { Context, Result } from '../context.ts';
import { readObjectOption } from '../input.ts';
import { table } from '../output.ts';
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
    return { data: times, lines: times };
  });
  one('delete', 'delete a schedule', async ({ stepbase }, id) => {
    await stepbase.schedules.delete(id);
    return { data: { schedule: id, deleted: true }, lines: [`${id}  deleted`] };
  });
}

async function list({ stepbase }: Context, workflow: string | undefined): Promise<Result> {
  const rows = await stepbase.schedules.list({ workflow }).toArray();
  return {
    data: rows,
    lines: table(
      ['SCHEDULE', 'NAME', 'CRON', 'TIMEZONE', 'STATE', 'NEXT'],
      rows.map((row) => [
        row.id,
        row.name,
        row.cron_expression,
        row.timezone,
        stateOf(row),
        row.next_run_at,
      ]),
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
  return changed(made, `created; next: ${made.next_run_at ?? 'never'}`);
}

const changed = (row: Schedule, what: string): Result => ({
  data: row,
  lines: [`${row.id}  ${what}`],
});
