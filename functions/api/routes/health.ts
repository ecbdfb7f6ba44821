// GET /healthz: the process responds. GET /readyz: it checks PostgreSQL, the queue, Realtime's policy and Redis.
import { Hono } from 'hono';
import type { Clock } from '../../_shared/clock/clock.ts';
import type { ApiEnv, Deps } from '../deps.ts';
import { checkRealtime, pingDatabase, pingQueue } from '../queries.ts';

const CHECK_MS = 2_000;

interface Check {
  status: 'ok' | 'failed' | 'disabled';
  latency_ms: number;
}

interface Readiness {
  status: 'ok' | 'degraded' | 'failed';
  checks: { postgres: Check; queue: Check; realtime: Check; redis: Check };
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

export function healthRoutes({ db, bus, clock }: Deps): Hono<ApiEnv> {
  async function ask(): Promise<Readiness> {
    const [postgres, queue, realtime, redis] = await Promise.all([
      check(clock, () => pingDatabase(db)),
      check(clock, () => pingQueue(db)),
      check(clock, () => checkRealtime(db)),
      bus.configured
        ? check(clock, () => bus.ping())
        : { status: 'disabled' as const, latency_ms: 0 },
    ]);
    const isFailed = postgres.status === 'failed' || queue.status === 'failed';
    const isDegraded = realtime.status === 'failed' || redis.status === 'failed';
    return {
      status: isFailed ? 'failed' : isDegraded ? 'degraded' : 'ok',
      checks: { postgres, queue, realtime, redis },
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
    .get('/healthz', (c) => c.json({ status: 'ok' }))
    .get('/readyz', async (c) => {
      const answer = await readiness();
      c.header('Cache-Control', 'no-store');
      return c.json(answer, answer.status === 'failed' ? 503 : 200);
    });
}
