// What a task asks, read from a row of step_runs: `taskOf(row)`. `mayAct(row, app)` follows the rule of the database
// (stepbase_private.require_task), so that the page shows only buttons that work.
import type { Database, Json } from '../../../types/database.ts';

type StepRun = Database['stepbase']['Tables']['step_runs']['Row'];

export type TaskRow = Pick<
  StepRun,
  | 'id'
  | 'run_id'
  | 'step_id'
  | 'step_type'
  | 'status'
  | 'wait_kind'
  | 'task'
  | 'assigned_to'
  | 'assigned_roles'
  | 'assigned_users'
  | 'assigned_at'
  | 'claimed_by'
  | 'deadline_at'
  | 'escalated_at'
  | 'created_at'
>;

export interface TaskFacts {
  title: string;
  description: string | undefined;
  isApproval: boolean;
  isOpen: boolean;
  /** The JSON Schema of the answer of a user task. */
  form: NonNullable<Json> | undefined;
  approvalsRequired: number;
  /** One rejection ends it, or it ends when enough approvals cannot be reached any more. */
  rejectOn: 'first' | 'unreachable';
  /** The person who started the run may not decide. */
  isFourEyes: boolean;
}

interface Config {
  title?: string;
  description?: string;
  form?: NonNullable<Json>;
  approvals_required?: number;
  reject_on?: 'first' | 'unreachable';
  exclude_requester?: boolean;
}

type Asked = Pick<TaskRow, 'step_id' | 'step_type' | 'status' | 'wait_kind' | 'task'>;

export function taskOf(row: Asked): TaskFacts {
  const config = (row.task ?? {}) as Config;
  return {
    title: config.title || row.step_id,
    description: config.description || undefined,
    isApproval: row.step_type === 'wait_for_approval',
    isOpen: row.status === 'waiting' && row.wait_kind === 'task',
    form: config.form,
    approvalsRequired: config.approvals_required ?? 1,
    rejectOn: config.reject_on ?? 'first',
    isFourEyes: config.exclude_requester ?? false,
  };
}

/** The part of an App (shared/app.tsx) that decides. */
interface Member {
  userId: string;
  role: string;
  permissions: ReadonlySet<string>;
}

/** Whether the task is for the person at this time, as the database decides. */
export function mayAct(row: TaskRow, app: Member): boolean {
  const { userId, role, permissions } = app;
  if (row.assigned_to === userId || row.assigned_users?.includes(userId)) return true;
  if (permissions.has('member:manage')) return true;
  return (
    row.assigned_at === null &&
    permissions.has('task:complete') &&
    (row.assigned_roles === null || row.assigned_roles.includes(role))
  );
}

/** A short name of a person: their display name, or the address. */
export interface Person {
  id: string;
  email: string;
  display_name: string | null;
}

export const nameOf = (person: Person | undefined): string =>
  person === undefined ? 'A former member' : person.display_name || person.email;

/** Who the task is for, in words. */
export function assigneeOf(row: TaskRow, people: ReadonlyMap<string, Person>): string {
  if (row.assigned_to) return nameOf(people.get(row.assigned_to));
  if (row.assigned_users?.length) {
    return row.assigned_users.map((id) => nameOf(people.get(id))).join(', ');
  }
  if (row.assigned_at) return 'A former member';
  if (row.assigned_roles?.length) return `Role ${row.assigned_roles.join(' or ')}`;
  return 'Anyone who completes tasks';
}
