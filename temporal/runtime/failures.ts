// The failure of a step, from the error of its activity.

import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/workflow';
import type { Json, StepFailure } from '../records.ts';

/** An attempt that failed; `input` is its resolved config. */
export class AttemptFailed extends Error {
  override readonly name = 'AttemptFailed';
  readonly failure: StepFailure;
  readonly input: Json | undefined;

  constructor(failure: StepFailure, input?: Json) {
    super(failure.message);
    this.failure = failure;
    this.input = input;
  }
}

export function attemptFailed(error: unknown): AttemptFailed {
  if (error instanceof AttemptFailed) return error;
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) {
    const [failure, input] = cause.details ?? [];
    if (typeof failure === 'object' && failure !== null) {
      return new AttemptFailed(failure as StepFailure, input as Json | undefined);
    }
  }
  if (cause instanceof TimeoutFailure) {
    const message = 'the workers that executed this step were lost';
    return new AttemptFailed({ code: 'worker_lost', message, retryable: true });
  }
  const message = cause instanceof Error ? cause.message : String(cause);
  return new AttemptFailed({
    code: 'step_crashed',
    message: `the step failed unexpectedly: ${message}`,
    retryable: true,
  });
}
