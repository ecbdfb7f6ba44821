// What a mock answers besides a plain output.

import { StepError } from '../../functions/worker/steps/errors.ts';
import type { Failure, FailureOptions, HttpOutput } from './api.ts';

/** The failure of a step, for a mock to return or to throw. */
export function failure(code: string, message = code, options: FailureOptions = {}): Failure {
  const { retryable = false, retryAfterMs, details } = options;
  return new StepError(code, message, {
    ...{ retryable, details },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** The output of an http_request step that was answered with `body`. */
export function httpOutput<Body>(
  body: Body,
  { status = 200, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): HttpOutput<Body> {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}
