// condition: chooses a branch. A string is the name of the handle, a number chooses the handle with its text, and any other
// value becomes 'true' or 'false' as in JSONata. So does a number that no edge names, also one that is the string of its
// digits, because a double cannot hold it.

import { evaluate, type Json } from '../../_shared/expressions/index.ts';
import { conditionType } from '../../_shared/step-types/condition.ts';
import { exactNumber } from '../../_shared/text/json-numbers.ts';
import { toScope } from './scope.ts';
import type { StepContext, StepHandler, StepResult } from './types.ts';

export const condition: StepHandler<typeof conditionType> = {
  stepType: conditionType,
  async run(config, ctx: StepContext): Promise<StepResult> {
    const value = (await evaluate(config.expression, toScope(ctx))) ?? null;
    const [handle = '', ...alternatives] = handlesOf(value);
    return {
      kind: 'completed',
      output: value,
      handle,
      ...(alternatives.length > 0 ? { otherHandles: alternatives } : {}),
    };
  },
};

function handlesOf(value: Json): string[] {
  if (typeof value === 'string' && value !== '') {
    return exactNumber(value) === undefined ? [value] : [value, 'true'];
  }
  const truth = isTrue(value) ? 'true' : 'false';
  // With 15 digits, as JSONata's $string writes a number: 0.1 + 0.2 is 0.3.
  return typeof value === 'number' ? [String(Number(value.toPrecision(15))), truth] : [truth];
}

/** JSONata's $boolean: empty strings, lists without a true element and empty objects are false. */
function isTrue(value: Json): boolean {
  if (Array.isArray(value)) return value.some(isTrue);
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}
