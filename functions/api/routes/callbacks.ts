// POST /callbacks/complete, /fail, /heartbeat and /log: a component that answered a call with 202 answers the step later. The
// token of the call identifies the attempt, so the routes need no other caller. It is sent in the body, because logs
// contain paths and queries.
import { createHash } from 'node:crypto';
import { Hono, type MiddlewareHandler } from 'hono';
import { z } from 'zod';
import {
  completeCallback,
  failCallback,
  heartbeatCallback,
  logCallback,
} from '../component-queries.ts';
import { JsonObject, Time } from '../components.ts';
import type { ApiEnv, Deps } from '../deps.ts';
import { rateLimit } from '../middleware/rate-limit.ts';
import { documented, type Resource } from '../operation.ts';
import { named } from '../rows.ts';
import { readBody } from '../validation.ts';

const token = z
  .string()
  .regex(/^[\w-]{1,200}$/)
  .describe('`callback.token` of the call.');

export const CompleteCallbackBody = z.strictObject({
  token,
  output: z.unknown().describe('The output of the step; it must match `output_schema`.'),
});
export const FailCallbackBody = z.strictObject({
  token,
  code: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,63}$/)
    .describe('A stable code in snake_case, by which the workflow can decide.'),
  message: z.string().max(4_000).default(''),
  retryable: z
    .boolean()
    .default(false)
    .describe('Whether another attempt may succeed; the retry policy of the step applies.'),
});
export const HeartbeatCallbackBody = z.strictObject({ token });
export const LogCallbackBody = z.strictObject({
  token,
  lines: z
    .array(
      z.strictObject({
        level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
        message: z.string().min(1).max(4_000),
        data: JsonObject.optional(),
        at: Time.optional().describe('When it happened; default: now.'),
      }),
    )
    .min(1)
    .max(100),
});

const CallbackAnswer = named('CallbackAnswer', () =>
  z.object({
    status: z.enum(['completed', 'failed']),
    attempt: z.int().describe('The attempt that was answered.'),
  }),
);
const Heartbeat = named('CallbackHeartbeat', () =>
  z.object({
    cancelled: z
      .boolean()
      .describe('Whether the run has ended; the component then stops its work.'),
  }),
);

const Written = named('CallbackLog', () =>
  z.object({ written: z.int().describe('Lines that were written; an attempt keeps 1,000.') }),
);

interface CallbackEnv {
  Variables: ApiEnv['Variables'] & { callback: string };
}

export function callbackRoutes(deps: Deps): Hono<CallbackEnv> {
  const { db } = deps;
  const identify: MiddlewareHandler<CallbackEnv> = async (c, next) => {
    c.set('callback', (await readBody(c, z.looseObject({ token }))).token);
    await next();
  };
  const limit = rateLimit<CallbackEnv>(
    deps,
    (c) => `callback:${createHash('sha256').update(c.var.callback).digest('hex')}`,
  );
  return new Hono<CallbackEnv>()
    .use(identify, limit)
    .post('/complete', async (c) => {
      const { output } = await readBody(c, CompleteCallbackBody);
      return c.json(await completeCallback(db, c.var.callback, output));
    })
    .post('/fail', async (c) =>
      c.json(await failCallback(db, c.var.callback, await readBody(c, FailCallbackBody))),
    )
    .post('/heartbeat', async (c) => {
      await readBody(c, HeartbeatCallbackBody);
      return c.json(await heartbeatCallback(db, c.var.callback));
    })
    .post('/log', async (c) => {
      const { lines } = await readBody(c, LogCallbackBody);
      return c.json(await logCallback(db, c.var.callback, lines));
    });
}

const ERRORS = [
  'invalid_request',
  'not_authenticated',
  'conflict',
  'payload_too_large',
  'limit_reached',
] as const;

const CONFLICT =
  'An attempt that has ended answers `conflict`, with a `reason`: `attempt_superseded`, `run_ended`, `step_ended` or `already_answered`.';

export const CALLBACK_RESOURCE: Resource = {
  name: 'Callbacks of components',
  description: 'Answers of components that have accepted a call with 202.',
  operations: [
    documented({
      id: 'completeCallback',
      method: 'POST',
      path: '/callbacks/complete',
      title: 'Complete the step of a call',
      permission: null,
      description: `Completes the step with its output. The token identifies the attempt; the call needs no API key. A repeated call changes nothing. An unknown or expired token answers 401. ${CONFLICT}`,
      body: CompleteCallbackBody,
      replies: { 200: { description: 'the answer', schema: CallbackAnswer } },
      errors: [...ERRORS, 'invalid_input', 'schema_too_complex'],
    }),
    documented({
      id: 'failCallback',
      method: 'POST',
      path: '/callbacks/fail',
      title: 'Fail the step of a call',
      permission: null,
      description: `Fails the attempt; the retry policy of the step decides what follows. A repeated call changes nothing. ${CONFLICT}`,
      body: FailCallbackBody,
      replies: { 200: { description: 'the answer', schema: CallbackAnswer } },
      errors: ERRORS,
    }),
    documented({
      id: 'heartbeatCallback',
      method: 'POST',
      path: '/callbacks/heartbeat',
      title: 'Send a heartbeat for a call',
      permission: null,
      description:
        'Extends the time until the next heartbeat by `heartbeat_timeout_ms` of the component, and returns whether the run has ended. An attempt that failed answers `conflict`.',
      body: HeartbeatCallbackBody,
      replies: { 200: { description: 'whether the work is still needed', schema: Heartbeat } },
      errors: ERRORS,
    }),
    documented({
      id: 'logCallback',
      method: 'POST',
      path: '/callbacks/log',
      title: 'Write log lines for a call',
      permission: null,
      description: `Adds lines to the log of the attempt. An attempt keeps 999 lines and 256 KB; later lines are dropped. ${CONFLICT}`,
      body: LogCallbackBody,
      replies: { 200: { description: 'how many lines were written', schema: Written } },
      errors: ERRORS,
    }),
  ],
};
