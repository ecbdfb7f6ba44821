// condition: chooses a branch. A string is the name of the handle; any other value becomes 'true' or 'false' as in JSONata.

import { z } from 'zod';
import { evaluate, type Json } from '../../_shared/expressions/index.ts';
import { toScope } from './scope.ts';
import type { StepContext, StepHandler, StepResult } from './types.ts';

const schema = z.object({ expression: z.string().min(1) });

export const condition: StepHandler<z.infer<typeof schema>> = {
  type: 'condition',
  schema,
  isPure: true,
  isBrief: true,
  rawKeys: { expression: 'jsonata' },
  async run(config, ctx: StepContext): Promise<StepResult> {
    const value = (await evaluate(config.expression, toScope(ctx))) ?? null;
    return { kind: 'completed', output: value, handle: handleOf(value) };
  },
};

function handleOf(value: Json): string {
  if (typeof value === 'string' && value !== '') return value;
  return isTrue(value) ? 'true' : 'false';
}

/** JSONata's $boolean: empty strings, lists without a true element and empty objects are false. */
function isTrue(value: Json): boolean {
  if (Array.isArray(value)) return value.some(isTrue);
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}
