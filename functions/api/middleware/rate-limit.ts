// Limits the requests of one caller within ten seconds, counted in Redis over all instances.
// Without Redis, or while it does not respond, all requests pass: the limit must not cause an outage.
import { Ratelimit } from '@upstash/ratelimit';
import type { Context, MiddlewareHandler } from 'hono';
import { AppError } from '../../_shared/errors/index.ts';
import type { ApiEnv, Deps } from '../deps.ts';

const WINDOW_SECONDS = 10;
const DECIDE_MS = 500;
/** After a failure the limit is off for this long, so that requests do not wait for Redis. */
const PAUSE_MS = 5_000;

interface Verdict {
  success: boolean;
  limit: number;
  remaining: number;
  reset: number;
}

export function rateLimit<E extends ApiEnv>(
  { bus, settings, clock }: Deps,
  keyOf: (c: Context<E>) => string,
): MiddlewareHandler<E> {
  const { client } = bus;
  if (client === undefined || settings.rateLimit === 0) return (_c, next) => next();
  const limiter = new Ratelimit({
    redis: client,
    limiter: Ratelimit.slidingWindow(settings.rateLimit, `${WINDOW_SECONDS} s`),
    prefix: 'stepbase:ratelimit',
    ephemeralCache: new Map(),
    timeout: DECIDE_MS,
    analytics: false,
  });
  let pausedUntil = Number.NEGATIVE_INFINITY;

  async function decide(key: string): Promise<Verdict | undefined> {
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
  }

  return async function limitRate(c, next) {
    const verdict = await decide(keyOf(c));
    if (verdict !== undefined) {
      const seconds = Math.max(1, Math.ceil((verdict.reset - clock.epoch()) / 1000));
      c.header('RateLimit-Limit', String(verdict.limit));
      c.header('RateLimit-Remaining', String(Math.max(0, verdict.remaining)));
      c.header('RateLimit-Reset', String(seconds));
      if (!verdict.success) {
        c.header('Retry-After', String(seconds));
        throw new AppError(
          'limit_reached',
          `At most ${verdict.limit} requests are allowed in ${WINDOW_SECONDS} s`,
          {
            extra: { retry_after: seconds },
          },
        );
      }
    }
    await next();
  };
}
