// The filters of the inbox: their names, and the query of each. The counts come from the RPC task_counts, whose
// conditions are the same.
import type { App } from '../shared/app.tsx';
import { supabase } from '../shared/supabase.ts';
import type { TaskRow } from './task.ts';

export const FILTERS = {
  mine: {
    label: 'Mine',
    empty: 'No task waits for you',
    hint: 'Tasks that are assigned to you, or that you have claimed, appear here. The other tabs have those for your role and for everyone.',
  },
  role: {
    label: 'My role',
    empty: 'No task waits for your role',
    hint: 'Tasks whose step names your role appear here.',
  },
  unassigned: {
    label: 'Unassigned',
    empty: 'No task is without an owner',
    hint: 'Tasks that anyone who completes tasks may take appear here, until a person claims them.',
  },
  overdue: {
    label: 'Overdue',
    empty: 'Nothing is overdue',
    hint: 'Open tasks after their deadline, and those that were escalated.',
  },
  all: {
    label: 'All open',
    empty: 'No open tasks',
    hint: 'Approvals and forms of runs appear here while they wait.',
  },
  done: {
    label: 'Done by me',
    empty: 'You have not answered a task yet',
    hint: 'Tasks whose answer was yours appear here.',
  },
} as const;

export type Filter = keyof typeof FILTERS;

export const isFilter = (name: string | undefined): name is Filter =>
  name !== undefined && Object.hasOwn(FILTERS, name);

export type Listed = TaskRow & {
  completed_at: string | null;
  handle: string | null;
  run: { workflow: { name: string } | null } | null;
};

const COLUMNS =
  'id,run_id,step_id,step_type,status,wait_kind,task,assigned_to,assigned_roles,assigned_users,assigned_at,claimed_by,' +
  'deadline_at,escalated_at,created_at,completed_at,handle,' +
  'run:runs!step_runs_run_fkey(workflow:workflows!runs_workflow_fkey(name))';

export function queryOf(filter: Filter, { code, userId, role }: App) {
  const query = supabase.from('step_runs').select(COLUMNS).eq('app_code', code);
  if (filter === 'done') {
    return query
      .eq('completed_by', userId)
      .in('step_type', ['user_task', 'wait_for_approval'])
      .not('completed_at', 'is', null);
  }
  const open = query.eq('status', 'waiting').eq('wait_kind', 'task');
  switch (filter) {
    case 'mine':
      return open.or(
        `assigned_to.eq.${userId},assigned_users.cs.{${userId}},claimed_by.eq.${userId}`,
      );
    case 'role':
      return open.is('assigned_at', null).contains('assigned_roles', [role]);
    case 'unassigned':
      return open.is('assigned_at', null).is('assigned_roles', null).is('claimed_by', null);
    case 'overdue':
      return open.or(`deadline_at.lt.${new Date().toISOString()},escalated_at.not.is.null`);
    default:
      return open;
  }
}
