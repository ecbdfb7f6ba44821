// for_each: passes its list to the engine, which runs the inner step for every item, a limited number at a time, and
// completes this step with the results in the order of the list.

import { z } from 'zod';
import type { StepHandler, StepResult } from './types.ts';

export const MAX_ITEMS = 10_000;
const DEFAULT_CONCURRENCY = 10;

const schema = z.object({
  items: z.array(z.unknown()).max(MAX_ITEMS, `has more than ${MAX_ITEMS} items`),
  concurrency: z.number().int().min(1).max(1_000).default(DEFAULT_CONCURRENCY),
});

export const forEach: StepHandler<z.infer<typeof schema>> = {
  type: 'for_each',
  schema,
  run: (config): Promise<StepResult> =>
    Promise.resolve({
      kind: 'waiting',
      reason: 'items',
      items: config.items,
      concurrency: config.concurrency,
    }),
};
