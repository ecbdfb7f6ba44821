// Whether and when another attempt follows a failed one; the same rules as *_retry_policies.sql.

import type { StepFailure } from '../records.ts';
import type { RetryPolicy } from './plan.ts';

const YEAR_MS = 31_536_000_000;

const within = (value: number | undefined, fallback: number, most: number) =>
  Math.min(Math.max(value ?? fallback, 0), most);

function matches(error: StepFailure, wanted: readonly (string | number)[]): boolean {
  const { details } = error;
  const status =
    typeof details === 'object' && details !== null && !Array.isArray(details)
      ? String(details.status ?? '')
      : '';
  return wanted.some((entry) => {
    const text = String(entry);
    if (text === error.code || text === status) return true;
    return (text === '4xx' || text === '5xx') && /^[45]\d\d$/.test(status) && status[0] === text[0];
  });
}

export function mayRetry(policy: RetryPolicy | undefined, error: StepFailure): boolean {
  if (policy === undefined) return false;
  if (policy.do_not_retry_on && matches(error, policy.do_not_retry_on)) return false;
  if (error.retryable === true) return true;
  return policy.retry_on !== undefined && matches(error, policy.retry_on);
}

export const maxAttempts = (policy: RetryPolicy | undefined): number =>
  Math.floor(Math.min(Math.max(policy?.max_attempts ?? 1, 1), 100));

/** Milliseconds between this attempt and the next one. `random`: from 0 to 1. */
export function retryDelay(policy: RetryPolicy, attempt: number, random: number): number {
  const growth = policy.backoff === 'fixed' ? 1 : 2 ** Math.min(attempt - 1, 30);
  const delay = Math.min(
    within(policy.max_delay_ms, 3_600_000, YEAR_MS),
    within(policy.delay_ms, 1_000, YEAR_MS) * growth,
  );
  const { jitter } = policy;
  const share = jitter === true ? 0.5 : typeof jitter === 'number' ? within(jitter, 0, 1) : 0;
  return delay * (1 - random * share);
}

/** When the next attempt is due; undefined: the failure is final. */
export function nextAttemptAt(
  policy: RetryPolicy | undefined,
  error: StepFailure,
  step: { attempt: number; startedAt: number; now: number; random: number },
): number | undefined {
  if (policy === undefined || !mayRetry(policy, error)) return undefined;
  if (step.attempt >= maxAttempts(policy)) return undefined;
  const delay = retryDelay(policy, step.attempt, step.random);
  const dueAt = step.now + Math.max(delay, within(error.retry_after_ms, 0, YEAR_MS));
  const { max_elapsed_ms: limit } = policy;
  return limit !== undefined && dueAt > step.startedAt + limit ? undefined : dueAt;
}
