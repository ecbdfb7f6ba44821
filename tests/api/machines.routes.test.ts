// Routes of machines: secrets, service accounts, API keys, webhooks, webhook subscriptions and refused starts. A user and
// the secret key of the project can use each of them.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  type Api,
  call,
  createTenant,
  publishWorkflow,
  sql,
  startApi,
  type TestTenant,
} from './support.ts';

const SECRET_KEY = 'sb_secret_api_tests';
const RECEIVER = 'https://crm.example/hooks';

let api: Api;
let tenant: TestTenant;
let workflow: string;

beforeAll(async () => {
  api = await startApi();
  tenant = await createTenant('machines');
  workflow = await publishWorkflow(tenant.admin);
});
afterAll(() => api?.stop());

type Headers = Record<string, string>;
type Send = (method: string, path: string, body?: unknown, headers?: Headers) => Promise<Answer>;

const sender =
  (caller: () => Headers): Send =>
  (method, path, body, headers = {}) =>
    call(`${api.url}/v1/${path}`, {
      method,
      headers: { ...caller(), ...headers },
      ...(body === undefined ? {} : { body }),
    });
const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` });
const asAdmin = sender(() => bearer(tenant.token));
const asProject = sender(() => ({ apikey: SECRET_KEY, 'x-stepbase-app': tenant.app_code }));

const items = ({ body }: Answer) => body.items as Record<string, unknown>[];
const problem = ({ status, body }: Answer) => [status, body.code];
const INVALID = [400, 'invalid_request'];
const MISSING = [404, 'not_found'];
const CONFLICT = [409, 'conflict'];

async function account(send: Send, role = 'developer'): Promise<string> {
  const made = await send('POST', 'service-accounts', { name: randomUUID(), role });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return String(made.body.id);
}

async function subscription(send: Send): Promise<{ id: string; secret: string }> {
  const body = { url: RECEIVER, event_types: ['run.completed'], workflow };
  const made = await send('POST', 'webhook-subscriptions', body);
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body as { id: string; secret: string };
}

/** Deliveries that no worker attempts: they have ended, or are due tomorrow. */
async function deliveries(
  subscriptionId: string,
  status: string,
  count: number,
): Promise<string[]> {
  const rows = await sql<{ id: string }>(
    `insert into stepbase.webhook_deliveries
       (app_code, subscription_id, event_type, payload, status, attempts, completed_at, next_attempt_at)
     select $1, $2, 'webhook.test', '{"type": "webhook.test"}', $3, 1,
       case when $3 <> 'pending' then now() end,
       case when $3 = 'pending' then now() + interval '1 day' end
     from generate_series(1, $4::int)
     returning id`,
    [tenant.app_code, subscriptionId, status, count],
  );
  return rows.map(({ id }) => id);
}

async function refusedStart(trigger: string): Promise<string> {
  const [row] = await sql<{ id: string }>(
    `insert into stepbase.refused_starts (app_code, database_trigger, workflow, event, input, error)
     values ($1, $2, $3, 'insert', '{"n": "one"}', '{"code": "invalid_input", "message": "n is no number"}')
     returning id`,
    [tenant.app_code, trigger, workflow],
  );
  return String(row?.id);
}

const CALLERS: [string, Send][] = [
  ['an admin', asAdmin],
  ['the secret key with x-stepbase-app', asProject],
];

describe.each(CALLERS)('%s', (_, send) => {
  it('sets, lists, rolls back and deletes a secret without seeing a value', async () => {
    const name = `key_${randomUUID().replaceAll('-', '')}`;
    const path = `secrets/${name}`;
    const first = await send('PUT', path, { value: 'value-one', allowed_hosts: ['api.example'] });
    expect([first.status, first.body]).toEqual([
      200,
      { name, version: 1, allowed_hosts: ['api.example'] },
    ]);
    const second = await send('PUT', path, { value: 'value-two', allowed_hosts: ['*'] });
    expect(second.body).toMatchObject({ version: 2, allowed_hosts: null });
    const listed = await send('GET', 'secrets');
    expect(items(listed)).toContainEqual(
      expect.objectContaining({ name, source: 'application', version: 2, versions: [2, 1] }),
    );
    expect(JSON.stringify(listed.body)).not.toContain('value-');

    const back = await send('POST', `${path}/rollback`, { version: 1 });
    expect(back.body).toEqual({ name, version: 1, allowed_hosts: ['api.example'] });
    expect(problem(await send('POST', `${path}/rollback`, { version: 9 }))).toEqual(MISSING);
    expect((await send('DELETE', path)).status).toBe(204);
    expect(problem(await send('DELETE', path))).toEqual(MISSING);
    expect(problem(await send('POST', `${path}/rollback`, { version: 1 }))).toEqual(MISSING);
  });

  it('creates, reads, lists and changes a service account', async () => {
    const name = randomUUID();
    const body = { name, role: 'developer', description: 'deploys' };
    const made = await send('POST', 'service-accounts', body);
    expect([made.status, made.body]).toEqual([201, expect.objectContaining(body)]);
    const location = new URL(made.headers.get('location') ?? '', `${api.url}/v1/service-accounts`)
      .href;
    const path = `service-accounts/${made.body.id}`;
    expect(location).toBe(`${api.url}/v1/${path}`);
    expect(problem(await send('POST', 'service-accounts', body))).toEqual(CONFLICT);

    expect((await send('GET', path)).body).toEqual(made.body);
    const listed = await send('GET', 'service-accounts?role=developer&is_active=true');
    expect(items(listed)).toContainEqual(made.body);
    const changed = await send('PATCH', path, { role: 'viewer', is_active: false });
    expect([changed.status, changed.body]).toEqual([
      200,
      expect.objectContaining({ role: 'viewer', is_active: false, description: 'deploys' }),
    ]);
    expect(problem(await send('PATCH', path, { role: 'nothing' }))).toEqual(INVALID);
    expect(problem(await send('PATCH', path, {}))).toEqual(INVALID);
  });

  it('creates, rotates and adopts the key of a service account', async () => {
    const owner = await account(send);
    const body = { name: 'ci', scopes: ['workflow:read'], service_account_id: owner };
    const made = await send('POST', 'api-keys', body);
    expect(made.status).toBe(201);
    const path = `api-keys/${made.body.id}`;
    const read = sender(() => bearer(String(made.body.key)));
    expect((await read('GET', 'workflows')).status).toBe(200);
    expect(items(await send('GET', `api-keys?service_account_id=${owner}`))).toHaveLength(1);

    const rotated = await send('POST', `${path}/rotate`, { overlap_seconds: 60 });
    expect(rotated.body).toMatchObject({ id: made.body.id, overlap_ends_at: expect.any(String) });
    const renewed = sender(() => bearer(String(rotated.body.key)));
    expect((await renewed('GET', 'workflows')).status).toBe(200);
    expect((await read('GET', 'workflows')).status).toBe(200);
    expect(problem(await send('POST', `${path}/rotate`, {}))).toEqual(CONFLICT);
    expect((await send('POST', `${path}/rotate`, { overlap_seconds: 0 })).status).toBe(200);
    expect((await renewed('GET', 'workflows')).status).toBe(401);

    const next = await account(send);
    const adopted = await send('POST', `${path}/adopt`, { service_account_id: next });
    expect(adopted.body).toMatchObject({ service_account_id: next, owner_id: null });
    await send('PATCH', `service-accounts/${next}`, { is_active: false });
    expect(problem(await send('POST', `${path}/adopt`, { service_account_id: next }))).toEqual(
      CONFLICT,
    );
    expect(problem(await send('POST', 'api-keys', { ...body, service_account_id: next }))).toEqual(
      CONFLICT,
    );
    const unknown = { ...body, service_account_id: randomUUID() };
    expect(problem(await send('POST', 'api-keys', unknown))).toEqual(MISSING);
  });

  it('creates a webhook of a scheme with its secret, and replaces the secret', async () => {
    const secret = `whsec_${'a'.repeat(32)}`;
    const body = { workflow, signature_scheme: 'stripe', secret };
    const made = await send('POST', 'webhooks', body);
    expect([made.status, made.body]).toEqual([
      201,
      {
        id: made.body.id,
        path: `/hooks/${made.body.id}`,
        signature_scheme: 'stripe',
        secret: null,
      },
    ]);
    const path = `webhooks/${made.body.id}/rotate`;
    expect(problem(await send('POST', path, {}))).toEqual(INVALID);
    const rotated = await send('POST', path, { secret: `${secret}b`, overlap_seconds: 60 });
    expect([rotated.status, rotated.body.secret]).toEqual([200, null]);

    const created = await send('POST', 'webhooks', { workflow, signature_scheme: 'github' });
    expect(created.body.secret).toEqual(expect.any(String));
  });

  it('creates, reads, lists, changes, rotates and deletes a webhook subscription', async () => {
    const { id, secret } = await subscription(send);
    const path = `webhook-subscriptions/${id}`;
    expect(secret).toMatch(/^whsec_/);
    const read = await send('GET', path);
    expect(read.body).toMatchObject({ id, url: RECEIVER, event_types: ['run.completed'] });
    const listed = await send('GET', `webhook-subscriptions?workflow_id=${read.body.workflow_id}`);
    expect(items(listed)).toContainEqual(read.body);
    expect(JSON.stringify(listed.body)).not.toContain(secret);

    const change = {
      url: 'https://crm.example/other',
      event_types: ['run.failed', 'task.created'],
      workflow_id: null,
      description: 'CRM',
      is_enabled: false,
    };
    const changed = await send('PATCH', path, change);
    expect([changed.status, changed.body]).toEqual([200, expect.objectContaining(change)]);
    const workflowId = { workflow_id: randomUUID() };
    expect(problem(await send('PATCH', path, workflowId))).toEqual(CONFLICT);

    const rotated = await send('POST', `${path}/rotate`, { overlap_seconds: 60 });
    expect(rotated.body).toEqual({ id, secret: expect.stringMatching(/^whsec_/) });
    expect(rotated.body.secret).not.toBe(secret);
    expect((await send('DELETE', path)).status).toBe(204);
    for (const gone of [
      await send('GET', path),
      await send('PATCH', path, change),
      await send('DELETE', path),
      await send('POST', `${path}/rotate`, {}),
      await send('POST', `${path}/test`, {}),
      await send('GET', `${path}/deliveries`),
    ]) {
      expect(problem(gone)).toEqual(MISSING);
    }
    const unknown = { url: RECEIVER, event_types: ['run.failed'], workflow: 'nothing' };
    expect(problem(await send('POST', 'webhook-subscriptions', unknown))).toEqual(MISSING);
  });

  it('sends a test event', async () => {
    const path = `webhook-subscriptions/${(await subscription(send)).id}/test`;
    const sent = await send('POST', path, {});
    expect([sent.status, sent.body.event_type]).toEqual([201, 'webhook.test']);
    const location = new URL(sent.headers.get('location') ?? '', `${api.url}/v1/${path}`).href;
    expect(location).toBe(`${api.url}/v1/webhook-deliveries/${sent.body.id}`);
    expect((await call(location, { token: tenant.token })).body.id).toBe(sent.body.id);
  });

  it('reads deliveries in pages and by status, and retries one', async () => {
    const { id } = await subscription(send);
    const path = `webhook-subscriptions/${id}`;
    const failed = await deliveries(id, 'failed', 3);
    const [pending] = await deliveries(id, 'pending', 1);
    const one = await send('GET', `webhook-deliveries/${failed[0]}`);
    expect(one.body).toMatchObject({ status: 'failed', payload: { type: 'webhook.test' } });

    const list = `${path}/deliveries?limit=2`;
    const first = await send('GET', list);
    const second = await send('GET', `${list}&cursor=${first.body.next_cursor}`);
    const listed = [...items(first), ...items(second)];
    expect([items(first).length, items(second).length]).toEqual([2, 2]);
    expect(listed.map((row) => row.id)).toEqual(expect.arrayContaining([...failed, pending]));
    expect(listed[0]).not.toHaveProperty('payload');
    expect(items(await send('GET', `${list}&status=pending`)).map((row) => row.id)).toEqual([
      pending,
    ]);
    expect(items(await send('GET', `${list}&status=delivered`))).toEqual([]);

    const again = await send('POST', `webhook-deliveries/${failed[0]}/retry`, {});
    expect([again.status, again.body.status]).toEqual([200, 'pending']);
    expect(problem(await send('POST', `webhook-deliveries/${pending}/retry`, {}))).toEqual(
      CONFLICT,
    );
    const missing = `webhook-deliveries/${randomUUID()}`;
    expect(problem(await send('GET', missing))).toEqual(MISSING);
    expect(problem(await send('POST', `${missing}/retry`, {}))).toEqual(MISSING);
  });

  it('reads the refused starts of database triggers', async () => {
    const trigger = `orders_${randomUUID()}`;
    const id = await refusedStart(trigger);
    const [listed] = items(await send('GET', `refused-starts?database_trigger=${trigger}`));
    expect(listed).toMatchObject({ id, workflow, error: { code: 'invalid_input' } });
    expect(listed).not.toHaveProperty('input');
    const read = await send('GET', `refused-starts/${id}`);
    expect(read.body).toMatchObject({ id, input: { n: 'one' } });
    expect(problem(await send('GET', `refused-starts/${randomUUID()}`))).toEqual(MISSING);
  });
});
