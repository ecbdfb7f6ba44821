// POST /hooks/<trigger id>: a signed call of another system starts a run. Without a valid signature the response
// does not reveal whether the webhook exists.
import { Hono, type MiddlewareHandler } from 'hono';
import { AppError, isErrorCode } from '../../_shared/errors/index.ts';
import type { ApiEnv, Deps } from '../deps.ts';
import { rateLimit } from '../middleware/rate-limit.ts';
import { readUuid } from '../validation.ts';
import { bodyOf, queryOf, safeHeaders } from '../webhooks/input.ts';
import { readSecrets, startWebhook } from '../webhooks/queries.ts';
import { isSigned, readCall } from '../webhooks/signature.ts';

interface HookEnv {
  Variables: ApiEnv['Variables'] & { triggerId: string; callId: string; body: Uint8Array };
}

export function hookRoutes(deps: Deps): Hono<HookEnv> {
  const { db, clock } = deps;

  const verify: MiddlewareHandler<HookEnv> = async (c, next) => {
    const triggerId = readUuid(c, 'trigger_id');
    const call = readCall(c.req.raw.headers, new Date(clock.epoch()));
    const body = new Uint8Array(await c.req.arrayBuffer());
    if (!isSigned(call, await readSecrets(db, triggerId), body)) {
      throw new AppError('not_authenticated', 'The signature is not valid');
    }
    c.set('triggerId', triggerId);
    c.set('callId', call.id);
    c.set('body', body);
    c.set('log', c.var.log.with({ trigger_id: triggerId }));
    await next();
  };

  return new Hono<HookEnv>().post(
    '/:trigger_id',
    verify,
    rateLimit<HookEnv>(deps, (c) => `hook:${c.var.triggerId}`),
    async (c) => {
      const { triggerId, callId, body } = c.var;
      const started = await startWebhook(db, triggerId, callId, {
        body: bodyOf(body, c.req.header('content-type') ?? null),
        headers: safeHeaders(c.req.raw.headers),
        query: queryOf(c.req.url),
      });
      if (started.problem !== null) {
        const { code, message, at: _at, ...extra } = started.problem;
        throw new AppError(isErrorCode(code) ? code : 'conflict', message, { extra });
      }
      const { run_id, status } = started;
      return c.json({ run_id, status }, started.is_new ? 202 : 200);
    },
  );
}
