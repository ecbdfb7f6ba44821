// inline_code: runs a JavaScript function of ({input, steps, context, run, item, index}) in a sandbox.

import { inlineCodeType } from '../../_shared/step-types/inline-code.ts';
import { parseJson } from '../../_shared/text/json-numbers.ts';
import { runCodeSafely } from './code-runner.ts';
import { StepError } from './errors.ts';
import { toScope } from './scope.ts';
import type { StepContext, StepHandler, StepResult } from './types.ts';

/** The largest limit, independent of the node's timeout: all steps of a worker share its CPU time. */
const longestMs = 10_000;

export const inlineCode: StepHandler<typeof inlineCodeType> = {
  stepType: inlineCodeType,
  async run(config, ctx: StepContext): Promise<StepResult> {
    const timeoutMs = Math.min(ctx.timeoutMs ?? ctx.env.limits.codeMs, longestMs);
    const outcome = await runCodeSafely(
      { code: config.code, argument: JSON.stringify(toScope(ctx)), timeoutMs },
      { app: ctx.run.app_code, signal: ctx.signal, queueing: ctx.queueing },
    );
    const { logs } = outcome;
    for (const line of logs) ctx.log('info', line);
    if (outcome.ok) {
      const output: unknown = parseJson(outcome.json);
      return { kind: 'completed', output, ...(logs.length === 0 ? {} : { logs }) };
    }
    const isLate = outcome.code === 'code_timeout';
    // The limit of the node has one code, even though the sandbox may notice it before the executor does.
    const code = isLate && timeoutMs === ctx.timeoutMs ? 'timeout' : outcome.code;
    throw new StepError(code, outcome.message, {
      // The same code fails on the same input again; only a time-out may be caused by a busy machine.
      retryable: isLate,
      ...(logs.length === 0 ? {} : { details: { logs } }),
    });
  },
};
