// Counts within ten seconds, in Redis over all instances. Without Redis, or while it does not respond, there is no
// verdict and every request passes: a limit must not cause an outage.
import { Ratelimit } from '@upstash/ratelimit';
import type { Deps } from '../deps.ts';

export const WINDOW_SECONDS = 10;
const DECIDE_MS = 500;
/** After a failure the limit is off for this long, so that requests do not wait for Redis. */
const PAUSE_MS = 5_000;

export interface Verdict {
  success: boolean;
  limit: number;
  remaining: number;
  /** Milliseconds since 1970. */
  reset: number;
}

/** Counts one use under the key; undefined without a verdict. */
export type Limiter = (key: string) => Promise<Verdict | undefined>;

/** Undefined if the API has no limit. */
export function createLimiter({
  bus,
  settings,
  clock,
}: Pick<Deps, 'bus' | 'settings' | 'clock'>): Limiter | undefined {
  const { client } = bus;
  if (client === undefined || settings.rateLimit === 0) return undefined;
  const limiter = new Ratelimit({
    redis: client,
    limiter: Ratelimit.slidingWindow(settings.rateLimit, `${WINDOW_SECONDS} s`),
    prefix: 'stepbase:ratelimit',
    ephemeralCache: new Map(),
    timeout: DECIDE_MS,
    analytics: false,
  });
  let pausedUntil = Number.NEGATIVE_INFINITY;

  return async (key) => {
    if (clock.now() < pausedUntil) return undefined;
    try {
      const verdict = await limiter.limit(key);
      if (verdict.reason !== 'timeout') return verdict;
      bus.report(new Error(`the rate limit was not decided within ${DECIDE_MS} ms`));
    } catch (error) {
      bus.report(error);
    }
    pausedUntil = clock.now() + PAUSE_MS;
    return undefined;
  };
}
