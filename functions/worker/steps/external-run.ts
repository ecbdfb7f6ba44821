// send_signal and query_run: a step signals or queries an external run, by default its parent.

import { z } from 'zod';
import { evaluateQuery } from '../../_shared/expressions/index.ts';
import { refusedBy } from './refusal.ts';
import type { StepHandler, StepResult } from './types.ts';

const run = z.string().min(1).default('parent');

const signalSchema = z.object({
  signal_name: z.string().min(1),
  run,
  payload: z.unknown().optional(),
});

export const sendSignal: StepHandler<z.infer<typeof signalSchema>> = {
  type: 'send_signal',
  schema: signalSchema as z.ZodType<z.infer<typeof signalSchema>>,
  async run(config, ctx): Promise<StepResult> {
    const output = await refusedBy(() =>
      ctx.runs.signal(config.run, config.signal_name, config.payload ?? {}),
    );
    return { kind: 'completed', output };
  },
};

const querySchema = z.object({ query_name: z.string().min(1), run });

export const queryRun: StepHandler<z.infer<typeof querySchema>> = {
  type: 'query_run',
  schema: querySchema as z.ZodType<z.infer<typeof querySchema>>,
  async run(config, ctx): Promise<StepResult> {
    const found = await refusedBy(() => ctx.runs.query(config.run, config.query_name));
    const output = 'answer' in found ? found.answer : await evaluateQuery(config.query_name, found);
    return { kind: 'completed', output };
  },
};
