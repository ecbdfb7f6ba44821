// Identifies the caller and admits only members (users and API keys) to /v1.
import type { MiddlewareHandler } from 'hono';
import { identifyCaller } from '../../_shared/auth/index.ts';
import { AppError } from '../../_shared/errors/index.ts';
import type { ApiEnv, Deps } from '../deps.ts';

export function authenticate({ identify }: Deps): MiddlewareHandler<ApiEnv> {
  return async function authenticateCaller(c, next) {
    const caller = await identifyCaller(c.req.raw.headers, identify);
    if (caller.kind === 'anonymous') {
      throw new AppError('not_authenticated', 'Send a user token or an API key as Bearer token');
    }
    if (caller.kind === 'service') {
      // The secret key names no app, and each run belongs to one.
      throw new AppError('permission_denied', 'Use an API key of the app, not the secret key');
    }
    c.set('member', caller);
    const who =
      caller.kind === 'user' ? { user_id: caller.userId } : { api_key_id: caller.apiKeyId };
    c.set('log', c.var.log.with({ ...who, app_code: caller.appCode }));
    await next();
  };
}
