// Idempotency-Key: a repeated request gets the first answer and creates nothing, concurrent ones create once, and
// secrets are neither stored nor repeated.
import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Api,
  call,
  createMember,
  createTenant,
  publishWorkflow,
  signToken,
  sql,
  startApi,
  type TestTenant,
} from './support.ts';

let api: Api;
let tenant: TestTenant;

beforeAll(async () => {
  api = await startApi({ STEPBASE_DB_POOL: '8' });
  tenant = await createTenant('repeat');
});
afterAll(() => api?.stop());

const create = (key: string, body: unknown, path = 'projects', token = tenant.token) =>
  call(`${api.url}/v1/${path}`, { token, body, headers: { 'idempotency-key': key } });

async function projects(): Promise<number> {
  const [row] = await sql<{ count: number }>(
    'select count(*)::int as count from stepbase.projects where app_code = $1',
    [tenant.app_code],
  );
  return row?.count ?? 0;
}

describe('a request with an Idempotency-Key', () => {
  it('creates once and repeats the first answer', async () => {
    const key = randomUUID();
    const before = await projects();
    const first = await create(key, { name: key });
    const second = await create(key, { name: key });
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('location')).toBe(first.headers.get('location'));
    expect(await projects()).toBe(before + 1);
  });

  it('is a conflict with another body, and another request on another route', async () => {
    const key = randomUUID();
    await create(key, { name: key });
    const other = await create(key, { name: `${key} 2` });
    expect([other.status, other.body.code]).toEqual([409, 'conflict']);
    expect((await create(key, { name: `q-${key}` }, 'task-queues')).status).toBe(201);
  });

  it('creates once when many arrive together', async () => {
    const key = randomUUID();
    const before = await projects();
    const answers = await Promise.all(Array.from({ length: 6 }, () => create(key, { name: key })));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(201));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(await projects()).toBe(before + 1);
  });

  it('leaves no key behind when it fails', async () => {
    const key = randomUUID();
    const name = randomUUID();
    await create(randomUUID(), { name });
    const taken = await create(key, { name });
    expect([taken.status, taken.body.code]).toEqual([409, 'conflict']);
    expect((await create(key, { name: key })).status).toBe(201);
  });

  it('is refused without the permission, although the answer is stored', async () => {
    const key = randomUUID();
    await create(key, { name: key });
    const viewer = await signToken(await createMember(tenant.app_code, 'viewer'));
    expect((await create(key, { name: key }, 'projects', viewer)).status).toBe(403);
  });

  it('is another request in another application', async () => {
    const key = randomUUID();
    const other = await createTenant('repeat-other');
    const first = await create(key, { name: key });
    const second = await create(key, { name: key }, 'projects', other.token);
    expect([second.status, second.body.app_code]).toEqual([201, other.app_code]);
    expect(second.body.id).not.toBe(first.body.id);
  });

  it('creates again after the key has expired', async () => {
    const key = randomUUID();
    const first = await create(key, { name: key });
    await sql(
      `update stepbase_private.idempotency_keys
       set created_at = created_at - interval '2 days', expires_at = expires_at - interval '2 days'
       where key = $1`,
      [key],
    );
    const second = await create(key, { name: `${key} 2` });
    expect(second.status).toBe(201);
    expect(second.body.id).not.toBe(first.body.id);
  });

  it('shows a secret once, and stores none', async () => {
    const workflow = await publishWorkflow(tenant.admin);
    const subscription = { url: 'https://crm.example/hooks', event_types: ['run.failed'] };
    const made = async (path: string, body: unknown) =>
      `${path}/${(await create(randomUUID(), body, path)).body.id}`;
    for (const [path, body] of [
      ['api-keys', { name: 'once' }],
      [`${await made('api-keys', { name: 'rotated' })}/rotate`, {}],
      ['webhooks', { workflow }],
      [`${await made('webhooks', { workflow })}/rotate`, {}],
      ['webhook-subscriptions', subscription],
      [`${await made('webhook-subscriptions', subscription)}/rotate`, {}],
    ] as const) {
      const key = randomUUID();
      const first = await create(key, body, path);
      const second = await create(key, body, path);
      expect([second.status, second.body.code, second.body.id]).toEqual([
        409,
        'conflict',
        first.body.id,
      ]);
      const [stored] = await sql<{ answer: unknown }>(
        'select answer from stepbase_private.idempotency_keys where key = $1',
        [key],
      );
      expect(JSON.stringify(stored?.answer)).not.toContain(
        String(first.body.key ?? first.body.secret),
      );
    }
  });

  it('stores no hash of a secret that the request contains', async () => {
    const workflow = await publishWorkflow(tenant.admin);
    const key = randomUUID();
    const body = { workflow, signature_scheme: 'github', secret: 'correct horse battery' };
    const first = await create(key, body, 'webhooks');
    expect(first.status).toBe(201);
    const [stored] = await sql<{ request_hash: string }>(
      'select request_hash from stepbase_private.idempotency_keys where key = $1',
      [key],
    );
    const { secret: _, ...rest } = body;
    const hash = (part: unknown) =>
      createHash('sha256')
        .update(`${new URL(api.url).pathname}/v1/webhooks\n${JSON.stringify(part)}`)
        .digest('hex');
    expect(stored?.request_hash).toBe(hash(rest));
    for (const other of [
      { ...body, secret: 'another secret text' },
      { ...body, name: 'Shop' },
    ]) {
      const second = await create(key, other, 'webhooks');
      expect([second.status, second.body.code]).toEqual([409, 'conflict']);
    }
  });

  it('must have 1 to 255 characters', async () => {
    const answer = await create('x'.repeat(256), { name: 'long' });
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request']);
  });
});
