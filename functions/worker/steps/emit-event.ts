// emit_event: the transaction that completes the step also publishes the event, so that it is published exactly once.

import { emitEventType } from '../../_shared/step-types/emit-event.ts';
import type { StepHandler, StepResult } from './types.ts';

export const emitEvent: StepHandler<typeof emitEventType> = {
  stepType: emitEventType,
  run(config): Promise<StepResult> {
    const event = { name: config.name, payload: config.payload ?? null };
    return Promise.resolve({ kind: 'completed', output: event, emit: [event] });
  },
};
