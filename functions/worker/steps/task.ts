// The common fields of user tasks and approvals: title, assignee and deadline.

import { z } from 'zod';
import type { StepResult, TaskRequest } from './types.ts';

/** A string that is one template keeps the type of its value: `{{ input.id }}` may be a number. */
export const text = z.union([z.string(), z.number(), z.boolean()]).transform(String);

/** Optional fields are nullish, because their templates may select nothing. */
export const taskFields = {
  title: text.pipe(z.string().min(1)),
  description: text.nullish(),
  assigned_to: z.string().nullish(),
  role: z.string().nullish(),
  deadline_ms: z.number().int().positive().nullish(),
};

const fields = z.object(taskFields);

export function toTask(config: z.infer<typeof fields> & { form?: unknown }): StepResult {
  const task: TaskRequest = { title: config.title };
  if (config.description) task.description = config.description;
  // An empty string is passed on: the engine refuses it, as it refuses every unknown user and role.
  if (typeof config.assigned_to === 'string') task.assigned_to = config.assigned_to;
  if (typeof config.role === 'string') task.role = config.role;
  if (config.form !== undefined && config.form !== null) task.form = config.form;
  if (!config.deadline_ms) return { kind: 'waiting', reason: 'task', task };
  task.deadline_ms = config.deadline_ms;
  return { kind: 'waiting', reason: 'task', task, timeoutMs: config.deadline_ms };
}
