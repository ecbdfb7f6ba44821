// send_signal and query_run: a step signals or queries an external run, by default its parent.

import { evaluateQuery } from '../../_shared/expressions/index.ts';
import { queryRunType } from '../../_shared/step-types/query-run.ts';
import { sendSignalType } from '../../_shared/step-types/send-signal.ts';
import { refusedBy } from './refusal.ts';
import type { StepHandler, StepResult } from './types.ts';

export const sendSignal: StepHandler<typeof sendSignalType> = {
  stepType: sendSignalType,
  async run(config, ctx): Promise<StepResult> {
    const output = await refusedBy(() =>
      ctx.runs.signal(config.run, config.signal_name, config.payload ?? {}),
    );
    return { kind: 'completed', output };
  },
};

export const queryRun: StepHandler<typeof queryRunType> = {
  stepType: queryRunType,
  async run(config, ctx): Promise<StepResult> {
    const found = await refusedBy(() => ctx.runs.query(config.run, config.query_name));
    const output = 'answer' in found ? found.answer : await evaluateQuery(config.query_name, found);
    return { kind: 'completed', output };
  },
};
