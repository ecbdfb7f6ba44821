// Events over HTTP, and the rate limit of each webhook.
import { createHmac, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startUpstash, type Upstash } from '../../scripts/stack/upstash/server.ts';
import { seedUser, waitFor } from '../support/stack.ts';
import { type Api, asPerson, call, publishWorkflow, signToken, sql, startApi } from './support.ts';

const LIMIT = 5;
const admin = seedUser('admin@acme');
let redis: Upstash;
let api: Api;

beforeAll(async () => {
  const redisToken = randomUUID();
  redis = await startUpstash({ port: 0, token: redisToken });
  api = await startApi({
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redisToken,
    STEPBASE_RATE_LIMIT: String(LIMIT),
    STEPBASE_CLIENT_IP_HEADER: 'x-client-ip',
  });
});
afterAll(async () => {
  await api?.stop();
  await redis?.stop();
});

interface Webhook {
  path: string;
  secret: string;
}

/** A webhook that starts runs with {n: 1}. */
async function webhook(): Promise<Webhook> {
  const [row] = await asPerson<{ made: Webhook }>(
    admin,
    `select stepbase.create_webhook(workflow => $1, input => '{"n": 1}') as made`,
    [await publishWorkflow(admin)],
  );
  if (row === undefined) throw new Error('create_webhook returned no row');
  return row.made;
}

function send({ path, secret }: Webhook, from?: string) {
  const id = randomUUID();
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = createHmac('sha256', Buffer.from(secret.replace('whsec_', ''), 'base64'))
    .update(`${id}.${timestamp}.{}`)
    .digest('base64');
  return call(`${api.url}${path}`, {
    body: {},
    headers: {
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
      ...(from === undefined ? {} : { 'x-forwarded-for': from }),
    },
  });
}

describe('POST /hooks', () => {
  it('limits the signed calls to one webhook; unsigned calls do not count', async () => {
    const [one, other] = await Promise.all([webhook(), webhook()]);
    for (let n = 0; n < 3 * LIMIT; n++) {
      expect((await send({ ...one, secret: other.secret })).status).toBe(401);
    }
    expect((await send(one)).status).toBe(202);
    // A call passes uncounted while Redis is too slow to decide.
    let calls = 0;
    const refused = await waitFor('a call is refused', async () => {
      const answer = await send(one, `10.0.0.${calls++}`);
      return answer.status !== 202 && answer;
    });
    expect([refused.status, refused.body.code]).toEqual([429, 'limit_reached']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await send(other)).status).toBe(202);
  });

  it('responds with problem+json that does not contain the requested id', async () => {
    const bad = await call(`${api.url}/hooks/not-an-id`, { body: {} });
    expect([bad.status, bad.body.code]).toEqual([400, 'invalid_request']);
    const unsigned = await call(`${api.url}/hooks/${randomUUID()}`, { body: {} });
    expect([unsigned.status, unsigned.body.code]).toEqual([401, 'not_authenticated']);
    expect(unsigned.headers.get('content-type')).toContain('application/problem+json');
    const read = await call(`${api.url}/hooks/${randomUUID()}`);
    expect(read.status).toBe(405);
  });
});

describe('failed authentications of one address', () => {
  const from = (address: string) => ({ 'x-client-ip': address });
  const unsigned = (address: string) =>
    call(`${api.url}/hooks/${randomUUID()}`, { body: {}, headers: from(address) });
  const wrongKey = (address: string) =>
    call(`${api.url}/v1/runs/${randomUUID()}`, {
      token: `sbk_${randomUUID().replaceAll('-', '')}abcdefghijk`,
      headers: from(address),
    });

  it('are limited, in every way they can fail, and other addresses are not', async () => {
    const statuses: number[] = [];
    for (let n = 0; n < LIMIT; n++) {
      statuses.push((await unsigned('192.0.2.1')).status, (await wrongKey('192.0.2.1')).status);
    }
    expect(statuses.slice(0, LIMIT)).toEqual(Array(LIMIT).fill(401));
    expect(statuses.at(-1)).toBe(429);
    const refused = await unsigned('192.0.2.1');
    expect([refused.status, refused.body.code]).toEqual([429, 'limit_reached']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    // The caller writes the first address of a list, the proxy the last.
    expect((await unsigned('192.0.2.2, 192.0.2.1')).status).toBe(429);
    expect((await unsigned('192.0.2.1, 192.0.2.2')).status).toBe(401);
    expect((await unsigned('2001:db8::1')).status).toBe(401);
  });

  it('are not counted for requests that succeed', async () => {
    const hook = await webhook();
    for (let n = 0; n < LIMIT; n++) {
      await call(`${api.url}/healthz`, { headers: from('192.0.2.3') });
      await call(`${api.url}/v1/runs/${randomUUID()}`, {
        token: await signToken(seedUser('developer@globex')),
        headers: from('192.0.2.3'),
      });
    }
    expect((await unsigned('192.0.2.3')).status).toBe(401);
    expect((await send(hook)).status).toBe(202);
  });
});

describe('POST /v1/events', () => {
  const emit = async (body: unknown, person = admin, headers = {}) =>
    call(`${api.url}/v1/events`, { token: await signToken(person), body, headers });

  it('emits events for callers who may execute runs', async () => {
    const name = `test.${randomUUID()}`;
    const made = await emit({ name, payload: { n: 1 } });
    expect(made.status).toBe(202);
    const rows = await sql<{ payload: unknown }>(
      'select payload from stepbase.outbox where aggregate_id = $1',
      [made.body.event_id],
    );
    expect(rows).toMatchObject([{ payload: { name, payload: { n: 1 } } }]);
    const key = { 'idempotency-key': randomUUID() };
    const twice = [await emit({ name }, admin, key), await emit({ name }, admin, key)];
    expect(twice[0]?.body.event_id).toBe(twice[1]?.body.event_id);
    const other = await emit({ name, payload: { n: 2 } }, admin, key);
    expect([other.status, other.body.code, other.body.event_id]).toEqual([
      409,
      'conflict',
      twice[0]?.body.event_id,
    ]);
  });

  it('refuses viewers and invalid names', async () => {
    const viewer = await emit({ name: 'any' }, seedUser('viewer@acme'));
    expect([viewer.status, viewer.body.code]).toEqual([403, 'permission_denied']);
    const developer = seedUser('developer@acme');
    for (const body of [{ name: 'run.failed' }, { name: '' }, { name: 'x', more: 1 }, {}]) {
      const refused = await emit(body, developer);
      expect([refused.status, refused.body.code]).toEqual([400, 'invalid_request']);
    }
  });
});
