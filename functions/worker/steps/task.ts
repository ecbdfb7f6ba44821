// What the two kinds of task have in common: a title, who may do it, and until when.

import { z } from 'zod';
import type { StepResult, TaskRequest } from './types.ts';

/** A template that is a whole string keeps its value's type: `{{ input.id }}` may well be a number. */
export const text = z.union([z.string(), z.number(), z.boolean()]).transform(String);

/** Optional fields are often templates that may select nothing, hence nullish. */
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
  // Empty text is not nobody: the engine refuses it, as it does any user and role that it does not know.
  if (typeof config.assigned_to === 'string') task.assigned_to = config.assigned_to;
  if (typeof config.role === 'string') task.role = config.role;
  if (config.form !== undefined && config.form !== null) task.form = config.form;
  if (!config.deadline_ms) return { kind: 'waiting', reason: 'task', task };
  task.deadline_ms = config.deadline_ms;
  return { kind: 'waiting', reason: 'task', task, timeoutMs: config.deadline_ms };
}
