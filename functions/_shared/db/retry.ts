// The one retry: calls again with growing pauses. A worker outlasts a restart of the database by it, because
// the pauses of eight attempts add up to about 16 seconds, which is less than a lease.

import { type Clock, pause } from '../clock/clock.ts';
import { isDatabaseAway } from './faults.ts';

export interface BackOff {
  firstMs: number;
  /** Pauses double up to this length. */
  longestMs: number;
}

export interface RetryOptions {
  clock: Clock;
  /** Calls in all; the error of the last one is thrown. */
  attempts?: number;
  backOff?: BackOff;
  /** Whether the same call may succeed later; by default only while the database is away. */
  isRetryable?(error: unknown): boolean;
  /** Called before each pause with the number of the next attempt. */
  onRetry?(error: unknown, attempt: number, attempts: number): void;
  /** Ends the retrying: the last error is thrown. */
  signal?: AbortSignal;
}

export const MAX_ATTEMPTS = 8;

const BACK_OFF: BackOff = { firstMs: 200, longestMs: 5_000 };

/** The pause after the given number of failures, which is at least 1. */
export function backOffMs(failures: number, { firstMs, longestMs }: BackOff = BACK_OFF): number {
  return Math.min(firstMs * 2 ** (failures - 1), longestMs);
}

/** Only for calls that may take effect twice: reads, and writes under a key or a lease. */
export async function retry<T>(call: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, signal, onRetry } = options;
  const { attempts = MAX_ATTEMPTS, backOff, isRetryable = isDatabaseAway } = options;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (attempt >= attempts || signal?.aborted || !isRetryable(error)) throw error;
      onRetry?.(error, attempt + 1, attempts);
      await pause(clock, backOffMs(attempt, backOff), signal);
      if (signal?.aborted) throw error;
    }
  }
}
