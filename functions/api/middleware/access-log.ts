// Logs one line for each request that fails (the level debug has all of them: hosted projects keep ten lines a second)
// and gives the handlers a log with the request's id.
import type { MiddlewareHandler } from 'hono';
import type { ApiEnv, Deps } from '../deps.ts';

export function accessLog({ log, clock }: Pick<Deps, 'log' | 'clock'>): MiddlewareHandler<ApiEnv> {
  return async function logAccess(c, next) {
    const started = clock.now();
    c.set('log', log.with({ request_id: c.var.requestId }));
    await next();
    const { method, path } = c.req;
    const ms = Math.round(clock.now() - started);
    const { status } = c.res;
    const isProbe = path.endsWith('/healthz') || path.endsWith('/readyz');
    c.var.log[isProbe || status < 400 ? 'debug' : 'info']('request', { method, path, status, ms });
  };
}
