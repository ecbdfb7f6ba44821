// The scope of a step's expressions, made from the step's context.

import { MOMENT, type Scope } from '../../_shared/expressions/index.ts';
import type { StepContext } from './types.ts';

export function toScope(ctx: StepContext): Scope {
  return {
    input: ctx.input,
    steps: ctx.steps,
    context: ctx.context,
    run: ctx.run,
    index: ctx.itemIndex,
    ...(ctx.item === undefined ? {} : { item: ctx.item }),
    ...(ctx.moment === undefined ? {} : { [MOMENT]: ctx.moment }),
  };
}
