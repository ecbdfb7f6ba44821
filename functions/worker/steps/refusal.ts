// What the database refuses a step (work queues, signals, queries) is the step's failure, by its own code.

import { StepError } from './errors.ts';

/** By SQLSTATE. */
export const REFUSALS: Readonly<Record<string, string>> = {
  SB400: 'invalid_config',
  SB403: 'permission_denied',
  SB404: 'not_found',
  SB409: 'conflict',
  SB422: 'invalid_input',
  SB429: 'limit_reached',
};

/** Only a queue that is full may have room later; anything unknown is passed on as it is. */
export async function refusedBy<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const { code, message, detail } = error as { code?: string; message?: string; detail?: string };
    const known = REFUSALS[code ?? ''];
    if (known === undefined) throw error;
    throw new StepError(known, message ?? known, {
      retryable: known === 'limit_reached',
      ...(detail === undefined ? {} : { details: JSON.parse(detail) }),
    });
  }
}
