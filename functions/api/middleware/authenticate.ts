// Identifies the caller and admits to /v1 users, API keys, and the secret key with an application.
import type { MiddlewareHandler } from 'hono';
import { APP_HEADER, identifyCaller, type MemberCaller } from '../../_shared/auth/index.ts';
import { AppError } from '../../_shared/errors/index.ts';
import type { ApiEnv, Deps } from '../deps.ts';

export function authenticate({ identify }: Deps): MiddlewareHandler<ApiEnv> {
  return async function authenticateCaller(c, next) {
    const caller = await identifyCaller(c.req.raw.headers, identify);
    if (caller.kind === 'anonymous') {
      throw new AppError('not_authenticated', 'Send a user token or an API key as Bearer token');
    }
    if (caller.kind === 'service' && caller.appCode === undefined) {
      throw new AppError(
        'invalid_request',
        `The secret key belongs to no application; name one in the header ${APP_HEADER}`,
      );
    }
    c.set('member', caller);
    c.set('log', c.var.log.with({ ...idOf(caller), app_code: caller.appCode }));
    await next();
  };
}

function idOf(caller: MemberCaller): Record<string, string> {
  switch (caller.kind) {
    case 'user':
      return { user_id: caller.userId };
    case 'api_key':
      return { api_key_id: caller.apiKeyId };
    case 'service':
      return { role: 'service_role' };
  }
}
