// for_each: passes its list to the engine, which runs the inner step for every item, a limited number at a time, and
// completes this step with the results in the order of the list.

import type { z } from 'zod';
import { forEachType } from '../../_shared/step-types/for-each.ts';
import type { StepHandler, StepResult } from './types.ts';

/** Only the list: the step of its items is compiled separately, because it has another scope. */
const schema = forEachType.config.omit({ step: true });

export const forEach: StepHandler<typeof forEachType, z.output<typeof schema>> = {
  stepType: forEachType,
  schema,
  run: (config): Promise<StepResult> =>
    Promise.resolve({
      kind: 'waiting',
      reason: 'items',
      items: config.items,
      concurrency: config.concurrency,
    }),
};
