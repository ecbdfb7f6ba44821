// sql_function: calls a function of the project's database that an operator has allowed. The call is one transaction,
// which also stores the result: a step that is executed again does not call the function a second time.

import { isDatabaseAway, isLockTimeout, isStatementTimeout } from '../../_shared/db/faults.ts';
import { sqlFunctionType } from '../../_shared/step-types/sql-function.ts';
import { parseJson } from '../../_shared/text/json-numbers.ts';
import { StepError } from './errors.ts';
import { refusedBy } from './refusal.ts';
import type { StepHandler, StepResult } from './types.ts';

interface DatabaseError {
  code?: string;
  message?: string;
  detail?: string;
}

/** Deadlocks, serialization failures, missing resources. */
const TRANSIENT_CLASSES: ReadonlySet<string> = new Set(['40', '53', '57', '58', 'XX']);

/** The reason that stepbase_engine.call_function puts into the detail of its errors. */
function reasonOf({ detail }: DatabaseError): { reason?: string; sqlstate?: string } {
  try {
    return parseJson(detail ?? '{}') as { reason?: string; sqlstate?: string };
  } catch {
    return {};
  }
}

function failure(error: unknown, timeoutMs: number): StepError | undefined {
  const { code = '', message = '' } = error as DatabaseError;
  if (isStatementTimeout(error)) {
    return new StepError('timeout', `the function took longer than ${timeoutMs} ms`, {
      retryable: true,
    });
  }
  const isTransient = isLockTimeout(error) || TRANSIENT_CLASSES.has(code.slice(0, 2));
  if (isTransient || isDatabaseAway(error)) {
    return new StepError('function_unavailable', message, {
      retryable: true,
      details: { sqlstate: code },
    });
  }
  const { reason, sqlstate } = reasonOf(error as DatabaseError);
  if (reason === undefined) return undefined;
  return new StepError(reason, message, sqlstate === undefined ? {} : { details: { sqlstate } });
}

export const sqlFunction: StepHandler<typeof sqlFunctionType> = {
  stepType: sqlFunctionType,
  async run(config, ctx): Promise<StepResult> {
    const timeoutMs = ctx.timeoutMs ?? sqlFunctionType.defaultTimeoutMs;
    const output = await refusedBy(async () => {
      try {
        return await ctx.functions.call({
          app: ctx.run.app_code,
          name: config.function,
          args: config.arguments,
          timeoutMs,
          traceparent: ctx.traceparent?.(),
          signal: ctx.signal,
          queueing: ctx.queueing,
        });
      } catch (error) {
        throw failure(error, timeoutMs) ?? error;
      }
    });
    return { kind: 'completed', output };
  },
};
