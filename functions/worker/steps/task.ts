// The common fields of user tasks and approvals: title, assignee and deadline.

import type { z } from 'zod';
import type { userTaskType } from '../../_shared/step-types/user-task.ts';
import { StepError, type StepResult, type TaskRequest } from './types.ts';

type Config = z.output<typeof userTaskType.config>;

/** Without a person and a role it is an error: the task must not become one for everyone. */
function escalationOf({ after_ms, assigned_to, role }: NonNullable<Config['escalate']>) {
  if (typeof assigned_to === 'string') return { after_ms, assigned_to };
  if (role !== undefined && role !== null) return { after_ms, role };
  throw new StepError('invalid_config', 'escalate needs assigned_to or role');
}

export function toTask(config: Config): StepResult {
  const task: TaskRequest = { title: config.title };
  if (config.description) task.description = config.description;
  // An empty string is passed on: the engine refuses it, as it refuses every unknown user and role.
  if (config.assigned_to !== undefined && config.assigned_to !== null)
    task.assigned_to = config.assigned_to;
  if (config.role !== undefined && config.role !== null) task.role = config.role;
  if (config.form !== undefined && config.form !== null) task.form = config.form;
  if (config.notify) task.notify = true;
  if (config.remind_every_ms) task.remind_every_ms = config.remind_every_ms;
  if (config.remind_before_ms) task.remind_before_ms = config.remind_before_ms;
  if (config.escalate) task.escalate = escalationOf(config.escalate);
  if (!config.deadline_ms) return { kind: 'waiting', reason: 'task', task };
  task.deadline_ms = config.deadline_ms;
  return { kind: 'waiting', reason: 'task', task, timeoutMs: config.deadline_ms };
}
