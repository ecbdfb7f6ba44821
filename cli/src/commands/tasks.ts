// tasks and approve: steps that wait for a person.
import type { Command } from 'commander';
import { NotFoundError } from '../../../sdk/src/errors/errors.ts';
import type { Task } from '../../../sdk/src/index.ts';
import { isObject } from '../../../sdk/src/workflow/json.ts';
import type { Context, Result } from '../context.ts';
import { CliError, EXIT, usage } from '../errors.ts';
import { table, timeText } from '../output.ts';
import type { Act } from '../program.ts';
import { wholeNumber } from './runs.ts';

interface ApproveOptions {
  reject?: boolean;
  comment?: string;
}

export function addTaskCommands(program: Command, act: Act): void {
  program
    .command('tasks')
    .summary('list the tasks that wait, the oldest first')
    .option('--run <id>', 'only of this run')
    .option('--role <name>', 'only those that this role may complete')
    .option('--limit <number>', 'default: 20', wholeNumber)
    .action(act((context, options: TasksOptions) => tasks(context, options)));
  program
    .command('approve')
    .summary('decide an approval')
    .argument('<task-or-run>', 'the id of the task, or of a run with one open approval')
    .option('--reject', 'reject it')
    .option('--comment <text>', 'stored with the decision')
    .action(act((context, id: string, options: ApproveOptions) => approve(context, id, options)));
}

interface TasksOptions {
  run?: string;
  role?: string;
  limit?: number;
}

async function tasks(
  { stepbase }: Context,
  { run, role, limit = 20 }: TasksOptions,
): Promise<Result> {
  const list = stepbase.tasks.list({ runId: run, assignedRole: role }, { pageSize: limit });
  const rows = await list.toArray({ max: limit });
  return {
    data: rows,
    lines: table(
      ['TASK', 'RUN', 'STEP', 'TITLE', 'ROLES', 'SINCE'],
      rows.map((row) => [
        row.id,
        row.run_id,
        row.step_id,
        titleOf(row),
        row.assigned_roles?.join(','),
        timeText(row.started_at ?? row.created_at),
      ]),
      'No task waits.',
    ),
  };
}

const titleOf = ({ task }: Task): string => (isObject(task) ? String(task.title ?? '') : '');

async function approve(
  { stepbase }: Context,
  id: string,
  { reject = false, comment }: ApproveOptions,
): Promise<Result> {
  const ofRun = (await stepbase.tasks.list({ runId: id }).toArray()).filter(
    ({ step_type }) => step_type === 'wait_for_approval',
  );
  if (ofRun.length > 1) {
    const steps = ofRun.map((one) => `${one.id} (${one.step_id})`).join(', ');
    throw usage(
      'several_tasks',
      `The run has several open approvals: ${steps}`,
      'Name one of them.',
    );
  }
  const task = await stepbase.tasks
    .decide(ofRun[0]?.id ?? id, { approved: !reject, comment })
    .catch((error: unknown) => {
      if (!(error instanceof NotFoundError)) throw error;
      throw new CliError(
        EXIT.refused,
        'not_found',
        `${id} is no task and no run with an open approval`,
        {
          hint: 'Run `stepbase tasks`.',
        },
      );
    });
  return {
    data: task,
    lines: [`${reject ? 'Rejected' : 'Approved'} ${task.step_id} of ${task.run_id}.`],
  };
}
