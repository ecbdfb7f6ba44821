// work_queue_push and work_queue_pop: pass items from one run to another through a work queue.

import { z } from 'zod';
import { refusedBy } from './refusal.ts';
import type { StepHandler, StepResult } from './types.ts';

const queue = z.string().min(1);

const pushSchema = z.object({
  queue,
  item: z.unknown().optional(),
  priority: z.number().int().min(-1_000_000).max(1_000_000).optional(),
});

export const workQueuePush: StepHandler<z.infer<typeof pushSchema>> = {
  type: 'work_queue_push',
  schema: pushSchema,
  async run(config, ctx): Promise<StepResult> {
    const output = await refusedBy(() =>
      ctx.queues.push(config.queue, config.item ?? null, config.priority ?? 0),
    );
    return { kind: 'completed', output };
  },
};

const popSchema = z.object({
  queue,
  /** When the queue is empty: wait for an item (the default), or continue with the handle 'empty'. */
  wait: z.boolean().optional(),
  timeout_ms: z.number().int().positive().nullish(),
});

export const workQueuePop: StepHandler<z.infer<typeof popSchema>> = {
  type: 'work_queue_pop',
  schema: popSchema,
  async run(config, ctx): Promise<StepResult> {
    const { found, item, work_queue_id } = await refusedBy(() => ctx.queues.pop(config.queue));
    if (found) return { kind: 'completed', output: item, handle: 'item' };
    if (config.wait === false) return { kind: 'completed', output: null, handle: 'empty' };
    return {
      kind: 'waiting',
      reason: 'queue',
      workQueueId: work_queue_id,
      ...(config.timeout_ms ? { timeoutMs: config.timeout_ms } : {}),
    };
  },
};
