// condition: chooses a branch. A string is the name of the handle; any other value becomes 'true' or 'false' as in JSONata.

import { evaluate, type Json } from '../../_shared/expressions/index.ts';
import { conditionType } from '../../_shared/step-types/condition.ts';
import { toScope } from './scope.ts';
import type { StepContext, StepHandler, StepResult } from './types.ts';

export const condition: StepHandler<typeof conditionType> = {
  stepType: conditionType,
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
