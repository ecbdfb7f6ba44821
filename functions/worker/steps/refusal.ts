// If the database refuses a call of a step (work queues, signals, queries, quotas), the step fails with a code of its own.

import { parseJson } from '../../_shared/text/json-numbers.ts';
import { StepError } from './errors.ts';

/** The error code of the step by SQLSTATE. */
export const REFUSALS: Readonly<Record<string, string>> = {
  SB400: 'invalid_config',
  SB403: 'permission_denied',
  SB404: 'not_found',
  SB409: 'conflict',
  SB422: 'invalid_input',
  SB425: 'schema_too_complex',
  SB429: 'limit_reached',
  SB430: 'budget_exceeded',
  SB431: 'model_unpriced',
};

/** Those that time or another person resolves: a full queue, a quota, a budget. */
const RETRYABLE: ReadonlySet<string> = new Set(['limit_reached', 'budget_exceeded']);

/** An unknown error is thrown unchanged. */
export async function refusedBy<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const { code, message, detail } = error as { code?: string; message?: string; detail?: string };
    const known = REFUSALS[code ?? ''];
    if (known === undefined) throw error;
    const details =
      detail === undefined ? undefined : (parseJson(detail) as { retry_after_ms?: unknown });
    const retryAfterMs = details?.retry_after_ms;
    throw new StepError(known, message ?? known, {
      retryable: RETRYABLE.has(known),
      ...(typeof retryAfterMs === 'number' ? { retryAfterMs } : {}),
      ...(details === undefined ? {} : { details }),
    });
  }
}
