// Routes of machines refuse callers without a credential, without the permission, and of another application.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { API_KEY_RESOURCE } from '../../functions/api/routes/api-keys.ts';
import { REFUSED_START_RESOURCE } from '../../functions/api/routes/refused-starts.ts';
import { SECRET_RESOURCE } from '../../functions/api/routes/secrets.ts';
import { SERVICE_ACCOUNT_RESOURCE } from '../../functions/api/routes/service-accounts.ts';
import { SIGNATURE_SCHEMES } from '../../functions/api/routes/triggers.ts';
import { SUBSCRIPTION_RESOURCE } from '../../functions/api/routes/webhook-subscriptions.ts';
import { operationOf } from './contract.ts';
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

const RECEIVER = 'https://crm.example/hooks';
const FORBIDDEN = [403, 'permission_denied'];
const MISSING = [404, 'not_found'];

let api: Api;
let tenant: TestTenant;
let other: TestTenant;
let workflow: string;
let ids: Record<'account' | 'key' | 'webhook' | 'subscription' | 'delivery' | 'start', string>;

beforeAll(async () => {
  api = await startApi();
  tenant = await createTenant('refused');
  other = await createTenant('refused-other');
  workflow = await publishWorkflow(tenant.admin);
  const subscription = await make('webhook-subscriptions', {
    url: RECEIVER,
    event_types: ['run.failed'],
  });
  ids = {
    account: await make('service-accounts', { name: 'ci', role: 'viewer' }),
    key: await make('api-keys', { name: 'ci' }),
    webhook: await make('webhooks', { workflow }),
    subscription,
    delivery: await make(`webhook-subscriptions/${subscription}/test`, {}),
    start: await refusedStart(),
  };
  expect((await send('PUT', 'secrets/stored', { value: 'value' }, tenant.token)).status).toBe(200);
});
afterAll(() => api?.stop());

const send = (method: string, path: string, body?: unknown, token?: string) =>
  call(`${api.url}/v1/${path}`, {
    method,
    ...(body === undefined ? {} : { body }),
    ...(token === undefined ? {} : { token }),
  });
const problem = ({ status, body }: Answer) => [status, body.code];

async function make(path: string, body: unknown): Promise<string> {
  const made = await send('POST', path, body, tenant.token);
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return String(made.body.id);
}

async function refusedStart(): Promise<string> {
  const [row] = await sql<{ id: string }>(
    `insert into stepbase.refused_starts (app_code, database_trigger, workflow, event, error)
     values ($1, 'orders', $2, 'insert', '{"code": "invalid_input", "message": "n is no number"}')
     returning id`,
    [tenant.app_code, workflow],
  );
  return String(row?.id);
}

async function keyWith(scopes: string[]): Promise<string> {
  const made = await send('POST', 'api-keys', { name: randomUUID(), scopes }, tenant.token);
  return String(made.body.key);
}

type Request = [method: string, path: string, body?: unknown];

const lists = (): Request[] => [
  ['GET', 'secrets'],
  ['GET', 'service-accounts'],
  ['GET', 'api-keys'],
  ['GET', 'webhook-subscriptions'],
  ['GET', 'refused-starts'],
];

const creations = (): Request[] => [
  ['PUT', 'secrets/made', { value: 'value' }],
  ['POST', 'service-accounts', { name: 'cd', role: 'viewer' }],
  ['POST', 'api-keys', { name: 'cd' }],
  ['POST', 'webhooks', { workflow, signature_scheme: 'github' }],
  ['POST', 'webhook-subscriptions', { url: RECEIVER, event_types: ['run.failed'], workflow }],
];

/** Subscriptions and deliveries tell what runs did. */
const dependOnRuns = (): Request[] => [
  ['PATCH', `webhook-subscriptions/${ids.subscription}`, { description: 'x' }],
  ['POST', `webhook-subscriptions/${ids.subscription}/rotate`, {}],
  ['POST', `webhook-subscriptions/${ids.subscription}/test`, {}],
  ['GET', `webhook-subscriptions/${ids.subscription}/deliveries`],
  ['GET', `webhook-deliveries/${ids.delivery}`],
  ['POST', `webhook-deliveries/${ids.delivery}/retry`, {}],
];

const onRows = (): Request[] => [
  ['POST', 'secrets/stored/rollback', { version: 1 }],
  ['DELETE', 'secrets/stored'],
  ['GET', `service-accounts/${ids.account}`],
  ['PATCH', `service-accounts/${ids.account}`, { is_active: false }],
  ['GET', `api-keys/${ids.key}`],
  ['PATCH', `api-keys/${ids.key}`, { name: 'x' }],
  ['POST', `api-keys/${ids.key}/rotate`, {}],
  ['POST', `api-keys/${ids.key}/adopt`, {}],
  ['POST', `api-keys/${ids.key}/revoke`, {}],
  ['POST', `webhooks/${ids.webhook}/rotate`, {}],
  ['GET', `webhook-subscriptions/${ids.subscription}`],
  ...dependOnRuns(),
  ['DELETE', `webhook-subscriptions/${ids.subscription}`],
  ['GET', `refused-starts/${ids.start}`],
];

const all = () => [...lists(), ...creations(), ...onRows()];

describe('each operation on machines', () => {
  it('is among the requests below', () => {
    const requested = all().map(
      ([method, path]) => operationOf(method, `/v1/${path}`)?.operationId,
    );
    const operations = [
      SECRET_RESOURCE,
      SERVICE_ACCOUNT_RESOURCE,
      API_KEY_RESOURCE,
      SUBSCRIPTION_RESOURCE,
      REFUSED_START_RESOURCE,
    ].flatMap((resource) => resource.operations.map(({ id }) => id));
    expect(requested).toEqual(
      expect.arrayContaining([...operations, 'createWebhook', 'rotateWebhookSecret']),
    );
  });

  it('needs a caller', async () => {
    for (const [method, path, body] of all()) {
      const answer = await send(method, path, body);
      expect(problem(answer), `${method} ${path}`).toEqual([401, 'not_authenticated']);
    }
  });

  it('needs its permission', async () => {
    const key = await keyWith(['workflow:read']);
    for (const [method, path, body] of all()) {
      const answer = await send(method, path, body, key);
      expect(problem(answer), `${method} ${path}`).toEqual(FORBIDDEN);
    }
  });

  it('needs the header x-stepbase-app with the secret key', async () => {
    for (const [method, path, body] of all()) {
      const answer = await send(method, path, body, 'sb_secret_api_tests');
      expect(problem(answer), `${method} ${path}`).toEqual([400, 'invalid_request']);
    }
  });

  it('answers 404 to a caller of another application', async () => {
    for (const [method, path, body] of onRows()) {
      const answer = await send(method, path, body, other.token);
      expect(problem(answer), `${method} ${path}`).toEqual(MISSING);
    }
    for (const [method, path] of lists()) {
      const answer = await send(method, path, undefined, other.token);
      expect([answer.status, answer.body.items], path).toEqual([200, []]);
    }
  });
});

it('refuses webhook subscriptions to a caller who may not read runs', async () => {
  const key = await keyWith(['schedule:read', 'schedule:write']);
  const create: Request = [
    'POST',
    'webhook-subscriptions',
    { url: RECEIVER, event_types: ['run.failed'] },
  ];
  for (const [method, path, body] of [create, ...dependOnRuns()]) {
    const answer = await send(method, path, body, key);
    expect([...problem(answer), answer.body.permission], path).toEqual([...FORBIDDEN, 'run:read']);
  }
});

it('refuses permissions that the caller lacks', async () => {
  const manager = await keyWith(['member:manage', 'key:manage']);
  const account = { name: 'root', role: 'admin' };
  expect(problem(await send('POST', 'service-accounts', account, manager))).toEqual(FORBIDDEN);
  const change = { role: 'admin' };
  const path = `service-accounts/${ids.account}`;
  expect(problem(await send('PATCH', path, change, manager))).toEqual(FORBIDDEN);
  expect(problem(await send('POST', `api-keys/${ids.key}/rotate`, {}, manager))).toEqual(FORBIDDEN);
  const adopt = { service_account_id: ids.account };
  expect(problem(await send('POST', `api-keys/${ids.key}/adopt`, adopt, manager))).toEqual(
    FORBIDDEN,
  );
  expect(problem(await send('POST', `api-keys/${ids.key}/adopt`, {}, manager))).toEqual(FORBIDDEN);
});

it('refuses secrets with an invalid name, value or host', async () => {
  const requests: [string, unknown][] = [
    ['secrets/1st', { value: 'value' }],
    [`secrets/${'x'.repeat(129)}`, { value: 'value' }],
    ['secrets/odd', { value: '' }],
    ['secrets/odd', { value: 'é'.repeat(40_000) }],
    ['secrets/odd', { value: 'nul \0' }],
    ['secrets/odd', { value: 'value', allowed_hosts: [] }],
    ['secrets/odd', { value: 'value', allowed_hosts: ['https://api.example'] }],
    ['secrets/odd', {}],
  ];
  for (const [path, body] of requests) {
    const answer = await send('PUT', path, body, tenant.token);
    expect(problem(answer), JSON.stringify(body).slice(0, 80)).toEqual([400, 'invalid_request']);
  }
});

it('refuses webhooks without a valid secret, and subscriptions with an invalid URL or event', async () => {
  const path = `webhook-subscriptions/${ids.subscription}`;
  const requests: Request[] = [
    ['POST', 'webhooks', { workflow, signature_scheme: 'slack' }],
    ['POST', 'webhooks', { workflow, signature_scheme: 'github', secret: 'short' }],
    ['POST', 'webhooks', { workflow, signature_scheme: 'nothing' }],
    ['POST', 'webhook-subscriptions', { url: RECEIVER, event_types: ['webhook.test'] }],
    ['PATCH', path, { url: 'ftp://crm.example' }],
    ['PATCH', path, { url: 'https://user:password@crm.example' }],
    ['PATCH', path, { event_types: [] }],
    ['PATCH', path, { failing_since: null }],
    ['PATCH', path, {}],
  ];
  for (const [method, to, body] of requests) {
    const answer = await send(method, to, body, tenant.token);
    expect(problem(answer), JSON.stringify(body)).toEqual([400, 'invalid_request']);
  }
});

it('names the signature schemes of the database', async () => {
  const rows = await sql<{ name: string }>(
    'select name from stepbase.webhook_signature_schemes order by ordinal',
  );
  expect(rows.map(({ name }) => name)).toEqual([...SIGNATURE_SCHEMES]);
});
