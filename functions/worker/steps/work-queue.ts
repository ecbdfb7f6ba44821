// work_queue_push and work_queue_pop: pass items from one run to another through a work queue.

import { workQueuePopType } from '../../_shared/step-types/work-queue-pop.ts';
import { workQueuePushType } from '../../_shared/step-types/work-queue-push.ts';
import { refusedBy } from './refusal.ts';
import type { StepHandler, StepResult } from './types.ts';

export const workQueuePush: StepHandler<typeof workQueuePushType> = {
  stepType: workQueuePushType,
  async run(config, ctx): Promise<StepResult> {
    const output = await refusedBy(() =>
      ctx.queues.push(config.queue, config.item ?? null, config.priority ?? 0),
    );
    return { kind: 'completed', output };
  },
};

export const workQueuePop: StepHandler<typeof workQueuePopType> = {
  stepType: workQueuePopType,
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
