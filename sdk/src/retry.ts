// Repeats requests that may be repeated, after errors that pass.
import { isTransient, LimitReachedError, type StepbaseError } from './errors/errors.ts';
import { backoffMs, pause } from './time.ts';

const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** Runs `work` up to four times. A reached limit is the caller's to handle, because it may last. */
export async function withRetries<T>(
  isRepeatable: boolean,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await work();
    } catch (error) {
      const isPassing = isTransient(error) && !(error instanceof LimitReachedError);
      if (signal.aborted || !isRepeatable || !isPassing || failures + 1 >= ATTEMPTS) throw error;
      const wait = error.retryAfterMs ?? backoffMs(FIRST_PAUSE_MS, failures, LONGEST_PAUSE_MS);
      await pause(wait, signal);
    }
  }
}

export interface Patience {
  /** Stepbase has answered. */
  answered(): void;
  /** Whether a wait goes on after this error. */
  endures(error: unknown): error is StepbaseError;
}

/**
 * For waits that outlast interruptions: once Stepbase has answered, errors that pass never end them. Before, the fourth one
 * in a row does, because the address may be wrong.
 */
export function createPatience(): Patience {
  let hasAnswered = false;
  let failures = 0;
  return {
    answered() {
      hasAnswered = true;
    },
    endures(error): error is StepbaseError {
      if (!isTransient(error)) return false;
      failures += 1;
      return hasAnswered || error instanceof LimitReachedError || failures < ATTEMPTS;
    },
  };
}
