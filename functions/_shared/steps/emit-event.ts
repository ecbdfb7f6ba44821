// emit_event: the event is published by the transition that completes the step, so it is neither lost nor doubled.

import { z } from 'zod';
import type { StepHandler, StepResult } from './types.ts';

const schema = z.object({ name: z.string().min(1), payload: z.unknown().optional() });

export const emitEvent: StepHandler<z.infer<typeof schema>> = {
  type: 'emit_event',
  schema: schema as z.ZodType<z.infer<typeof schema>>,
  run(config): Promise<StepResult> {
    const event = { name: config.name, payload: config.payload ?? null };
    return Promise.resolve({ kind: 'completed', output: event, emit: [event] });
  },
};
