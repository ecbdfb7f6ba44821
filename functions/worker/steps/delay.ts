// delay: waits for a duration or until a date; a timer of the engine completes it.

import { delayType } from '../../_shared/step-types/delay.ts';
import { parseIsoDate } from '../../_shared/text/iso-date.ts';
import type { StepHandler, StepResult } from './types.ts';

export const delay: StepHandler<typeof delayType> = {
  stepType: delayType,
  run(config): Promise<StepResult> {
    const wakeAt = config.until === undefined ? undefined : parseIsoDate(config.until);
    // The engine's clock measures the duration, not the clock of this machine.
    return Promise.resolve(
      wakeAt === undefined
        ? { kind: 'waiting', reason: 'delay', timeoutMs: config.ms ?? 0 }
        : { kind: 'waiting', reason: 'delay', wakeAt },
    );
  },
};
