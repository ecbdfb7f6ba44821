// The one way a step fails: a stable code, whether another attempt may help, and details a person can act on.

export interface StepErrorOptions {
  /** Another attempt may succeed (network, 5xx, 429, time-out). */
  retryable?: boolean;
  /** The other side said when to come back (Retry-After); the engine waits at least that long. */
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

  /** What is written to step_runs.error. */
  toJSON(): Record<string, unknown> {
    return {
      code: this.code,
      message: this.message,
      retryable: this.retryable,
      ...(this.retryAfterMs === undefined ? {} : { retry_after_ms: this.retryAfterMs }),
      ...(this.details === undefined ? {} : { details: this.details }),
    };
  }
}

/** Every failure of a handler as a StepError; what no handler foresaw may be a passing fault of the machine. */
export function toStepError(error: unknown): StepError {
  if (error instanceof StepError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new StepError('step_crashed', `the step failed unexpectedly: ${message}`, {
    retryable: true,
    cause: error,
  });
}

/** Ends the handler when the attempt was cancelled or ran out of time; the engine put the reason there. */
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
