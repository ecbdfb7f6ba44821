// StepError: the failure of a step, with a stable code, whether it is retryable, and details for a person. An error is
// stored with each attempt and again with the run, so its message and details are cut to a few KB.

import { cutText } from '../../_shared/text/storable.ts';

const maxMessage = 4_000;
const maxDetails = 8_000;

export interface StepErrorOptions {
  /** Another attempt may succeed (network, 5xx, 429, time-out). */
  retryable?: boolean;
  /** From Retry-After of the other system; the engine waits at least this long. */
  retryAfterMs?: number;
  details?: unknown;
  cause?: unknown;
}

export class StepError extends Error {
  override readonly name = 'StepError';
  readonly code: string;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly details: unknown;

  constructor(code: string, message: string, options: StepErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details;
  }

  /** The value for step_runs.error. It is cut here, after secrets were masked: half a secret would not be found. */
  toJSON(): Record<string, unknown> {
    return {
      code: this.code,
      message: cutText(this.message, maxMessage),
      retryable: this.retryable,
      ...(this.retryAfterMs === undefined ? {} : { retry_after_ms: this.retryAfterMs }),
      ...(this.details === undefined ? {} : { details: shortDetails(this.details) }),
    };
  }
}

/** Details that are too long become the beginning of their JSON text. */
function shortDetails(details: unknown): unknown {
  const text = JSON.stringify(details) ?? 'null';
  return text.length <= maxDetails ? details : { truncated: cutText(text, maxDetails) };
}

/** Any error of a handler as a StepError; an unexpected one is retryable, because its cause may be temporary. */
export function toStepError(error: unknown): StepError {
  if (error instanceof StepError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new StepError('step_crashed', `the step failed unexpectedly: ${message}`, {
    retryable: true,
    cause: error,
  });
}

/** Throws when the attempt was cancelled or exceeded its time limit; the executor sets the reason. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortError(signal);
}

export function abortError(signal: AbortSignal): StepError {
  const reason: unknown = signal.reason;
  if (reason instanceof StepError) return reason;
  const timedOut = reason instanceof Error && reason.name === 'TimeoutError';
  return timedOut
    ? new StepError('timeout', 'the attempt ran out of time', { retryable: true, cause: reason })
    : new StepError('cancelled', 'the attempt was cancelled', { cause: reason });
}
