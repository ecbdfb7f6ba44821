// POST /hooks/<trigger id>: a signed call of another system starts a run. Without a valid signature the response
// does not reveal whether the webhook exists.
import { Hono, type MiddlewareHandler } from 'hono';
import { z } from 'zod';
import { AppError, isErrorCode } from '../../_shared/errors/index.ts';
import type { ApiEnv, Deps } from '../deps.ts';
import { rateLimit } from '../middleware/rate-limit.ts';
import { documented, type Resource } from '../operation.ts';
import { named } from '../rows.ts';
import { withTraceparent } from '../start-options.ts';
import { readUuid } from '../validation.ts';
import { deliveryId, type ReadCall, readCalls, verifiedCall } from '../webhooks/calls.ts';
import { bodyOf, queryOf, safeHeaders } from '../webhooks/input.ts';
import { readSecrets, recordCall, startWebhook } from '../webhooks/queries.ts';

interface HookEnv {
  Variables: ApiEnv['Variables'] & { triggerId: string; call: ReadCall; body: Uint8Array };
}

export function hookRoutes(deps: Deps): Hono<HookEnv> {
  const { db, clock } = deps;

  const verify: MiddlewareHandler<HookEnv> = async (c, next) => {
    const triggerId = readUuid(c, 'trigger_id');
    const body = new Uint8Array(await c.req.arrayBuffer());
    const secretsOf = (scheme: string) => readSecrets(db, triggerId, scheme);
    try {
      const calls = readCalls(c.req.raw.headers, new Date(clock.epoch()));
      c.set('call', await verifiedCall(calls, body, secretsOf));
    } catch (error) {
      if (error instanceof AppError && error.code === 'not_authenticated') {
        const { code, message } = error;
        // Not awaited: the time of the response must not reveal whether the webhook exists.
        recordCall(db, triggerId, 'bad_signature', { code, message }).catch((problem: unknown) =>
          c.var.log.warn('webhook call not recorded', { error: String(problem) }),
        );
      }
      throw error;
    }
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
      if (handshake !== undefined) {
        await recordCall(db, triggerId, 'handshake');
        return c.json(handshake);
      }
      const started = await startWebhook(db, {
        triggerId,
        callId: await deliveryId(call, body),
        input: {
          body: bodyOf(body, c.req.header('content-type') ?? null),
          headers: safeHeaders(c.req.raw.headers),
          query: queryOf(c.req.url),
        },
        traceparent: withTraceparent(undefined, c.req.header('traceparent'))?.traceparent,
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

const HookAnswer = named('HookAnswer', () => z.object({ run_id: z.uuid(), status: z.string() }));

const HookReply = named('HookReply', () =>
  z.union([
    z.object({ run_id: z.uuid(), status: z.string() }),
    z.object({ challenge: z.string() }),
  ]),
);

export const HOOK_RESOURCE: Resource = {
  name: 'Webhook calls',
  description: 'Signed calls of other systems.',
  operations: [
    documented({
      id: 'callWebhook',
      method: 'POST',
      path: '/hooks/:trigger_id',
      title: 'Call a webhook',
      permission: null,
      description:
        "Starts a run of the webhook's workflow. The call is signed by the webhook's signature scheme (Standard Webhooks, Stripe, GitHub or Slack); it needs no API key. A repeated delivery returns the first run. The run continues the trace of the header `traceparent` (W3C Trace Context). An unknown webhook answers like a wrong signature, with 401. Slack's `url_verification` gets its challenge and starts no run.",
      rawBody:
        'Any text in UTF-8, parsed when `content-type` is JSON. `input.body` of the run holds it.',
      headers: {
        'webhook-id':
          'Standard Webhooks. Identifies the call: 1 to 128 printable ASCII characters other than a dot.',
        'webhook-timestamp':
          'Standard Webhooks. Seconds since 1970; at most 300 seconds from the current time.',
        'webhook-signature':
          'Standard Webhooks. `v1,` and the base64 of HMAC-SHA256 over `<id>.<timestamp>.<body>`; spaces separate several.',
        'stripe-signature':
          'Stripe. `t=<seconds>,v1=<hex>`: HMAC-SHA256 over `<t>.<body>`; the `id` of the event identifies the delivery.',
        'x-hub-signature-256': 'GitHub. `sha256=<hex>`: HMAC-SHA256 over the body.',
        'x-github-delivery': 'GitHub. Identifies the delivery.',
        'x-slack-signature':
          'Slack. `v0=<hex>`: HMAC-SHA256 over `v0:<timestamp>:<body>`; `event_id` identifies the delivery.',
        'x-slack-request-timestamp':
          'Slack. Seconds since 1970; at most 300 seconds from the current time.',
      },
      replies: {
        202: { description: '`{run_id, status}` of the new run', schema: HookAnswer },
        200: {
          description:
            '`{run_id, status}` of the run that an earlier delivery started, or `{challenge}` for Slack',
          schema: HookReply,
        },
      },
      errors: [
        'invalid_request',
        'not_authenticated',
        'not_found',
        'conflict',
        'payload_too_large',
        'invalid_input',
        'schema_too_complex',
        'limit_reached',
      ],
    }),
  ],
};
