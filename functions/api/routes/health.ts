// GET /healthz: the process responds. GET /readyz: it checks PostgreSQL, the version of the schema, the queue,
// Realtime's policy, Redis and the read replica.
import { Hono } from 'hono';
import { z } from 'zod';
import type { Clock } from '../../_shared/clock/clock.ts';
import { VERSION } from '../../_shared/version.ts';
import type { ApiEnv, Deps } from '../deps.ts';
import { documented, type Resource } from '../operation.ts';
import { checkRealtime, pingDatabase, pingQueue } from '../queries.ts';
import { named } from '../rows.ts';

const CHECK_MS = 2_000;
const DISABLED = { status: 'disabled' as const, latency_ms: 0 };

interface Check {
  status: 'ok' | 'failed' | 'disabled';
  latency_ms: number;
}

interface Readiness {
  status: 'ok' | 'degraded' | 'failed';
  checks: {
    postgres: Check;
    schema: Check;
    queue: Check;
    realtime: Check;
    redis: Check;
    replica: Check;
  };
  versions: { functions: string; schema: string | null };
}

async function check(clock: Clock, ask: () => Promise<void>): Promise<Check> {
  const started = clock.now();
  const latency = () => Math.round((clock.now() - started) * 10) / 10;
  let cancelTimeout = () => {};
  const late = new Promise<never>((_done, fail) => {
    cancelTimeout = clock.after(CHECK_MS, () =>
      fail(new Error(`no response within ${CHECK_MS} ms`)),
    );
  });
  try {
    await Promise.race([ask(), late]);
    return { status: 'ok', latency_ms: latency() };
  } catch {
    return { status: 'failed', latency_ms: latency() };
  } finally {
    cancelTimeout();
  }
}

export function healthRoutes({ db, reads, bus, clock, handshake }: Deps): Hono<ApiEnv> {
  async function ask(): Promise<Readiness> {
    const [postgres, schema, queue, realtime, redis, replica] = await Promise.all([
      check(clock, () => pingDatabase(db)),
      check(clock, async () => {
        const refusal = await handshake.probe();
        if (refusal !== undefined) throw refusal;
      }),
      check(clock, () => pingQueue(db)),
      check(clock, () => checkRealtime(db)),
      bus.configured ? check(clock, () => bus.ping()) : DISABLED,
      reads.hasReplica
        ? check(clock, async () => {
            const state = await reads.measure();
            if (state?.lagMs === undefined) throw new Error('the replica does not answer');
          })
        : DISABLED,
    ]);
    const isFailed = [postgres, schema, queue].some(({ status }) => status === 'failed');
    const isDegraded = [realtime, redis, replica].some(({ status }) => status === 'failed');
    return {
      status: isFailed ? 'failed' : isDegraded ? 'degraded' : 'ok',
      checks: { postgres, schema, queue, realtime, redis, replica },
      versions: { functions: VERSION, schema: handshake.schema?.version ?? null },
    };
  }

  // Concurrent probes share one result, so that they cannot overload the database.
  let asking: Promise<Readiness> | undefined;
  const readiness = () => {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  };

  return new Hono<ApiEnv>()
    .get('/healthz', (c) => c.json({ status: 'ok', version: VERSION }))
    .get('/readyz', async (c) => {
      const answer = await readiness();
      c.header('Cache-Control', 'no-store');
      return c.json(answer, answer.status === 'failed' ? 503 : 200);
    });
}

const ReadinessAnswer = named('Readiness', () => {
  const check = z.object({
    status: z.enum(['ok', 'failed', 'disabled']),
    latency_ms: z.number(),
  });
  return z.object({
    status: z.enum(['ok', 'degraded', 'failed']),
    checks: z.object({
      postgres: check,
      schema: check,
      queue: check,
      realtime: check,
      redis: check,
      replica: check,
    }),
    versions: z.object({ functions: z.string(), schema: z.string().nullable() }),
  });
});

export const HEALTH_RESOURCE: Resource = {
  name: 'Health',
  description: 'Probes of the process, and the description of this API.',
  operations: [
    documented({
      id: 'getHealth',
      method: 'GET',
      path: '/healthz',
      title: 'Check the process',
      permission: null,
      description: 'Answers while the process runs; it queries nothing.',
      replies: {
        200: {
          description: '`{"status": "ok", "version": "…"}`, with the version of the function',
          schema: named('Health', () => z.object({ status: z.literal('ok'), version: z.string() })),
        },
      },
      errors: [],
    }),
    documented({
      id: 'getReadiness',
      method: 'GET',
      path: '/readyz',
      title: 'Check readiness',
      permission: null,
      description:
        'Queries PostgreSQL, the version of the schema, the queue, the policy on `realtime.messages`, Redis and the read replica, each with a deadline of two seconds. `failed` (PostgreSQL, the schema or the queue) is 503; `degraded` (Realtime, Redis or the replica) is 200.',
      replies: {
        200: {
          description:
            '`{status, checks: {postgres, schema, queue, realtime, redis, replica}, versions: {functions, schema}}`, each check with its `latency_ms`',
          schema: ReadinessAnswer,
        },
        503: { description: 'the same, with `"status": "failed"`', schema: ReadinessAnswer },
      },
      errors: [],
    }),
    documented({
      id: 'getOpenApi',
      method: 'GET',
      path: '/openapi.json',
      title: 'Read the OpenAPI document',
      permission: null,
      description: 'Returns the description of this API in OpenAPI 3.1.',
      replies: {
        200: {
          description: 'the document',
          schema: named('OpenApiDocument', () => z.looseObject({ openapi: z.string() })),
        },
      },
      errors: [],
    }),
  ],
};
