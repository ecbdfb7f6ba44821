// Time limits of a step: of one attempt, and of all its attempts together with its waits.

import type { Clock } from '../_shared/clock/clock.ts';
import { AttemptLimit } from './attempt-limit.ts';
import { StepError } from './steps/errors.ts';
import type { StepContext, Waiting } from './steps/types.ts';

export const timeoutError = (of: TimeLimit['of']) =>
  new StepError('timeout', `the ${of} ran out of time`, { retryable: true });

export interface TimeLimit {
  ms: number;
  /** Which limit this is. */
  of: 'attempt' | 'step';
}

export function timeLimit(timeoutMs: number, leftMs = Number.POSITIVE_INFINITY): TimeLimit {
  return leftMs < timeoutMs ? { ms: leftMs, of: 'step' } : { ms: timeoutMs, of: 'attempt' };
}

/** The remaining time of the step also limits how long it waits. */
export function waitAtMost(leftMs: number | undefined, wait: Waiting): Waiting {
  if (leftMs === undefined || wait.reason === 'delay' || wait.reason === 'items') return wait;
  return {
    ...wait,
    timeoutMs: Math.min(wait.timeoutMs ?? Number.POSITIVE_INFINITY, Math.ceil(leftMs)),
  };
}

/**
 * Runs an attempt until it ends, is aborted, or exceeds its time limit; the signal carries the reason. If a
 * handler ignores the signal, its late result is dropped.
 * (AbortSignal.timeout would keep a timer for every attempt long after the attempt has ended.)
 */
export function within<T>(
  { ms, of }: TimeLimit,
  clock: Clock,
  abort: AbortSignal,
  attempt: (signal: AbortSignal, queueing: StepContext['queueing']) => Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  return new Promise((resolve, reject) => {
    const end = (reason: unknown) => {
      ending.abort(reason);
      reject(reason);
    };
    const onAbort = () => end(abort.reason);
    if (abort.aborted) return onAbort();
    const limit = new AttemptLimit(clock, ms, () => end(timeoutError(of)));
    abort.addEventListener('abort', onAbort, { once: true });
    attempt(ending.signal, (wait) => limit.exclude(wait))
      .then(resolve, reject)
      .finally(() => {
        limit.end();
        abort.removeEventListener('abort', onAbort);
      });
  });
}
