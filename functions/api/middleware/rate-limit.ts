// Limits the requests of one caller.
import type { Context, MiddlewareHandler } from 'hono';
import { AppError } from '../../_shared/errors/index.ts';
import type { ApiEnv, Deps } from '../deps.ts';
import { createLimiter, WINDOW_SECONDS } from './limiter.ts';

export function rateLimit<E extends ApiEnv>(
  deps: Deps,
  keyOf: (c: Context<E>) => string,
): MiddlewareHandler<E> {
  const limiter = createLimiter(deps);
  if (limiter === undefined) return (_c, next) => next();

  return async function limitRate(c, next) {
    const verdict = await limiter(keyOf(c));
    if (verdict !== undefined) {
      const seconds = Math.max(1, Math.ceil((verdict.reset - deps.clock.epoch()) / 1000));
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
