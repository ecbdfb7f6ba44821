// Limits the requests of one address that fail to authenticate: wrong tokens and keys, unsigned webhook calls. Beyond
// the limit, all requests of the address are refused until the window ends.
import type { Context, MiddlewareHandler } from 'hono';
import { AppError } from '../../_shared/errors/index.ts';
import type { ApiEnv, Deps } from '../deps.ts';
import { createLimiter, WINDOW_SECONDS } from './limiter.ts';

const MAX_REFUSED = 10_000;

export function limitFailures(deps: Deps): MiddlewareHandler<ApiEnv> {
  const { clock, settings } = deps;
  const { clientIpHeader } = settings;
  const limiter = createLimiter(deps);
  if (limiter === undefined || clientIpHeader === undefined) return (_c, next) => next();
  /** When each address may call again. */
  const refused = new Map<string, number>();

  const refuse = (address: string, until: number) => {
    refused.delete(address);
    refused.set(address, until);
    const [oldest] = refused.keys();
    if (refused.size > MAX_REFUSED && oldest !== undefined) refused.delete(oldest);
  };

  return async function limitFailedAttempts(c, next) {
    const address = addressOf(c, clientIpHeader);
    if (address === undefined) return await next();
    const waitMs = (refused.get(address) ?? 0) - clock.epoch();
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / 1000);
      c.header('Retry-After', String(seconds));
      throw new AppError(
        'limit_reached',
        `At most ${settings.rateLimit} failed authentications are allowed in ${WINDOW_SECONDS} s`,
        { extra: { retry_after: seconds } },
      );
    }
    refused.delete(address);
    await next();
    if (c.res.status !== 401) return;
    const verdict = await limiter(`failed:${address}`);
    if (verdict?.success === false) refuse(address, verdict.reset);
  };
}

/** Of a list of addresses the last: the nearest proxy appended it, and the caller can write the others. */
function addressOf(c: Context<ApiEnv>, header: string): string | undefined {
  return c.req.header(header)?.split(',').at(-1)?.trim() || undefined;
}
