// The guards of the API: a rate limit that fails open, a limit on the size of bodies, and CORS.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startUpstash, type Upstash } from '../../scripts/stack/upstash/server.ts';
import { seedUser, waitFor } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { type Api, call, signToken, startApi } from './support.ts';

const LIMIT = 5;
let redis: Upstash;
let api: Api;
let token: string;

beforeAll(async () => {
  const redisToken = randomUUID();
  redis = await startUpstash({ port: 0, token: redisToken });
  api = await startApi({
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redisToken,
    STEPBASE_RATE_LIMIT: String(LIMIT),
    STEPBASE_MAX_BODY_BYTES: '1000',
    STEPBASE_CORS_ORIGINS: 'https://app.example, https://admin.example',
  });
  token = await signToken(seedUser('admin@acme'));
});
afterAll(async () => {
  await api?.stop();
  await redis?.stop();
});

const readNothing = (as: string) => call(`${api.url}/v1/runs/${randomUUID()}`, { token: as });

describe('the API', () => {
  it('refuses a body that is too large', async () => {
    const body = { input: { text: 'x'.repeat(2_000) } };
    const answer = await call(`${api.url}/v1/workflows/any/runs`, { token, body });
    expect([answer.status, answer.body.code]).toEqual([413, 'payload_too_large']);
  });

  it('refuses a body that nests too deeply, before PostgreSQL or a stack overflows', async () => {
    let input: unknown = 1;
    for (let level = 0; level < 300; level += 1) input = [input];
    const answer = await call(`${api.url}/v1/workflows/any/runs`, { token, body: { input } });
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request']);
  });

  it('allows the configured origins and no other, in error responses too', async () => {
    const preflight = (origin: string) =>
      fetch(`${api.url}/v1/workflows/any/runs`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST' },
        signal: AbortSignal.timeout(5_000),
      });
    const allowed = await preflight('https://admin.example');
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://admin.example');
    expect(allowed.headers.get('access-control-allow-headers')).toContain('authorization');
    const other = await preflight('https://evil.example');
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
    const refusal = await call(`${api.url}/v1/runs/x`, {
      headers: { origin: 'https://app.example' },
    });
    expect(refusal.status).toBe(401);
    expect(refusal.headers.get('access-control-allow-origin')).toBe('https://app.example');
  });

  it('lets a page send and read each header of an operation for users', async () => {
    interface Operation {
      security?: unknown[];
      parameters?: { in: string; name: string }[];
      responses: Record<string, { headers?: object }>;
    }
    const { body: document } = await call(`${api.url}/openapi.json`);
    const operations = Object.values(document.paths as Record<string, Record<string, Operation>>)
      .flatMap((path) => Object.values(path))
      .filter(({ security }) => security === undefined || security.length > 0);
    const inHeader = operations.flatMap(({ parameters = [] }) =>
      parameters.filter((parameter) => parameter.in === 'header'),
    );
    const sent = [...new Set(inHeader.map(({ name }) => name.toLowerCase()))];
    const read = [
      ...new Set(
        operations
          .flatMap(({ responses }) => Object.values(responses))
          .flatMap(({ headers = {} }) => Object.keys(headers).map((name) => name.toLowerCase())),
      ),
    ];
    expect(sent).toEqual(expect.arrayContaining(['if-match', 'if-none-match', 'prefer']));
    expect(read).toEqual(expect.arrayContaining(['etag', 'location']));
    const list = (answer: Response, name: string) =>
      answer.headers
        .get(name)
        ?.toLowerCase()
        .split(/\s*,\s*/) ?? [];
    const origin = 'https://admin.example';
    const preflight = await fetch(`${api.url}/v1/workflows/any/draft`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
      signal: AbortSignal.timeout(5_000),
    });
    expect(list(preflight, 'access-control-allow-headers')).toEqual(expect.arrayContaining(sent));
    const answer = await fetch(`${api.url}/healthz`, {
      headers: { origin },
      signal: AbortSignal.timeout(5_000),
    });
    expect(list(answer, 'access-control-expose-headers')).toEqual(expect.arrayContaining(read));
  });

  it('responds with 405 and the methods of the path to another method, and with 404 to an unknown path', async () => {
    const wrong = await call(`${api.url}/healthz`, { method: 'PUT' });
    expect([wrong.status, wrong.body.code]).toEqual([405, 'method_not_allowed']);
    expect(wrong.headers.get('allow')).toContain('GET');
    const run = await call(`${api.url}/v1/runs/${randomUUID()}`, { method: 'DELETE', token });
    expect(run.status).toBe(405);
    const nowhere = await call(`${api.url}/v1/nowhere`, { token });
    expect([nowhere.status, nowhere.body.code]).toEqual([404, 'not_found']);
  });

  it('keeps the request id of the caller, or creates one', async () => {
    const given = await call(`${api.url}/healthz`, {
      headers: { 'x-request-id': 'from-outside-1' },
    });
    expect(given.headers.get('x-request-id')).toBe('from-outside-1');
    const own = await call(`${api.url}/healthz`);
    expect(own.headers.get('x-request-id')).toMatch(/^[\w-]{36}$/);
  });

  it('limits each caller separately, and no caller while Redis is unavailable', async () => {
    const viewer = await signToken(seedUser('viewer@acme'));
    const answers: Awaited<ReturnType<typeof readNothing>>[] = [];
    // A request passes uncounted while Redis is too slow to decide.
    const refused = await waitFor('a request is refused', async () => {
      const answer = await readNothing(viewer);
      answers.push(answer);
      return answer.status !== 404 && answer;
    });
    expect(answers.length).toBeGreaterThan(LIMIT);
    expect([refused.status, refused.body.code]).toEqual([429, 'limit_reached']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const counted = answers.find(({ headers }) => headers.has('ratelimit-remaining'));
    expect(counted?.headers.get('ratelimit-remaining')).toBe(String(LIMIT - 1));
    const other = await signToken(seedUser('admin@globex'));
    expect((await readNothing(other)).status).toBe(404);

    await redis.stop();
    const started = Date.now();
    for (let n = 0; n < LIMIT + 3; n++) expect((await readNothing(other)).status).toBe(404);
    expect(Date.now() - started).toBeLessThan(scaled(4_000));
    const ready = await call(`${api.url}/readyz`);
    expect([ready.status, ready.body.status]).toEqual([200, 'degraded']);
  });
});
