// /readyz checks its dependencies: ready with all of them, degraded without Redis, and not ready without the
// database or the queue.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { VERSION } from '../../functions/_shared/version.ts';
import { startUpstash } from '../../scripts/stack/upstash/server.ts';
import { stackInfo } from '../support/stack.ts';
import { type Api, call, startApi } from './support.ts';

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const service of running.splice(0).reverse()) await service.stop();
});

async function api(env: Record<string, string> = {}): Promise<Api> {
  const started = await startApi(env);
  running.push(started);
  return started;
}

/** A port without a listener. */
async function deadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' ? (address?.port ?? 1) : 1;
}

const OK = { status: 'ok', latency_ms: expect.any(Number) };
const DISABLED = { status: 'disabled', latency_ms: 0 };
const FAILED = { status: 'failed', latency_ms: expect.any(Number) };

describe('readiness', () => {
  it('is ok with database, queue and Redis, and follows a loss and return of Redis', async () => {
    const token = randomUUID();
    const port = await deadPort();
    const redis = await startUpstash({ port, token });
    const env = { UPSTASH_REDIS_REST_URL: redis.url, UPSTASH_REDIS_REST_TOKEN: token };
    const { url } = await api(env);
    const ready = await call(`${url}/readyz`);
    expect([ready.status, ready.body]).toEqual([
      200,
      {
        status: 'ok',
        checks: { postgres: OK, schema: OK, queue: OK, realtime: OK, redis: OK, replica: DISABLED },
        versions: { functions: VERSION, schema: VERSION },
      },
    ]);
    await redis.stop();
    const degraded = await call(`${url}/readyz`);
    expect([degraded.status, degraded.body]).toEqual([
      200,
      {
        status: 'degraded',
        checks: {
          postgres: OK,
          schema: OK,
          queue: OK,
          realtime: OK,
          redis: FAILED,
          replica: DISABLED,
        },
        versions: { functions: VERSION, schema: VERSION },
      },
    ]);
    running.push(await startUpstash({ port, token }));
    expect((await call(`${url}/readyz`)).body.status).toBe('ok');
  });

  it('reports that Redis is not configured', async () => {
    const { url } = await api();
    expect((await call(`${url}/readyz`)).body).toMatchObject({
      status: 'ok',
      checks: { redis: { status: 'disabled' } },
    });
  });

  it('is 503 without a database, while /healthz still responds', async () => {
    const { url } = await api({
      DATABASE_URL: `postgres://postgres:postgres@127.0.0.1:${await deadPort()}/none`,
    });
    const answer = await call(`${url}/readyz`);
    expect([answer.status, answer.body]).toEqual([
      503,
      {
        status: 'failed',
        checks: {
          postgres: FAILED,
          schema: FAILED,
          queue: FAILED,
          realtime: FAILED,
          redis: DISABLED,
          replica: DISABLED,
        },
        versions: { functions: VERSION, schema: null },
      },
    ]);
    expect((await call(`${url}/healthz`)).body).toEqual({ status: 'ok', version: VERSION });
  });

  it('is 503 on a database without the queue', async () => {
    const empty = new URL(stackInfo().db_url);
    empty.pathname = '/template1';
    const { url } = await api({ DATABASE_URL: empty.href });
    const answer = await call(`${url}/readyz`);
    expect([answer.status, answer.body]).toMatchObject([
      503,
      { status: 'failed', checks: { postgres: OK, schema: FAILED, queue: FAILED } },
    ]);
  });

  it('answers many concurrent probes with one check', async () => {
    const { url } = await api();
    const answers = await Promise.all(Array.from({ length: 50 }, () => call(`${url}/readyz`)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });
});
