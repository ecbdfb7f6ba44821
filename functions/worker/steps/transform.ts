// transform: evaluates one JSONata expression; its value is the output.

import { evaluate } from '../../_shared/expressions/index.ts';
import { transformType } from '../../_shared/step-types/transform.ts';
import { toScope } from './scope.ts';
import type { StepContext, StepHandler, StepResult } from './types.ts';

export const transform: StepHandler<typeof transformType> = {
  stepType: transformType,
  async run(config, ctx: StepContext): Promise<StepResult> {
    const output = (await evaluate(config.expression, toScope(ctx))) ?? null;
    return { kind: 'completed', output };
  },
};
