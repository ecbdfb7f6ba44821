// POST /hooks/<trigger id>: a signed call of another system starts a run. Without a valid signature the response
// does not reveal whether the webhook exists.
import { Hono, type MiddlewareHandler } from 'hono';
import { AppError, isErrorCode } from '../../_shared/errors/index.ts';
import type { ApiEnv, Deps } from '../deps.ts';
import { rateLimit } from '../middleware/rate-limit.ts';
import { readUuid } from '../validation.ts';
import { deliveryId, type ReadCall, readCalls, verifiedCall } from '../webhooks/calls.ts';
import { bodyOf, queryOf, safeHeaders } from '../webhooks/input.ts';
import { readSecrets, startWebhook } from '../webhooks/queries.ts';

interface HookEnv {
  Variables: ApiEnv['Variables'] & { triggerId: string; call: ReadCall; body: Uint8Array };
}

export function hookRoutes(deps: Deps): Hono<HookEnv> {
  const { db, clock } = deps;

  const verify: MiddlewareHandler<HookEnv> = async (c, next) => {
    const triggerId = readUuid(c, 'trigger_id');
    const calls = readCalls(c.req.raw.headers, new Date(clock.epoch()));
    const body = new Uint8Array(await c.req.arrayBuffer());
    const secretsOf = (scheme: string) => readSecrets(db, triggerId, scheme);
    c.set('call', await verifiedCall(calls, body, secretsOf));
    c.set('triggerId', triggerId);
    c.set('body', body);
    c.set('log', c.var.log.with({ trigger_id: triggerId }));
    await next();
  };

  return new Hono<HookEnv>().post(
    '/:trigger_id',
    verify,
    rateLimit<HookEnv>(deps, (c) => `hook:${c.var.triggerId}`),
    async (c) => {
      const { triggerId, call, body } = c.var;
      const handshake = call.scheme.handshake?.(body);
      if (handshake !== undefined) return c.json(handshake);
      const started = await startWebhook(db, triggerId, await deliveryId(call, body), {
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
