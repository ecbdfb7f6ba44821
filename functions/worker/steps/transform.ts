// transform: evaluates one JSONata expression; its value is the output.

import { z } from 'zod';
import { evaluate } from '../../_shared/expressions/index.ts';
import { toScope } from './scope.ts';
import type { StepContext, StepHandler, StepResult } from './types.ts';

const schema = z.object({ expression: z.string().min(1) });

export const transform: StepHandler<z.infer<typeof schema>> = {
  type: 'transform',
  schema,
  isPure: true,
  isBrief: true,
  rawKeys: { expression: 'jsonata' },
  async run(config, ctx: StepContext): Promise<StepResult> {
    const output = (await evaluate(config.expression, toScope(ctx))) ?? null;
    return { kind: 'completed', output };
  },
};
