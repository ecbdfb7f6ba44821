// The resources that clients write: created, read, listed, changed and deleted as the caller, each by its permission.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LOOKUPS } from '../../functions/api/resource-queries.ts';
import { waitFor } from '../support/stack.ts';
import {
  type Answer,
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
import { createUser } from './tenancy.ts';

let api: Api;
let tenant: TestTenant;
let viewer: string;
let stranger: string;
let workflow: string;
let workflowId: string;
let versionId: string;

beforeAll(async () => {
  api = await startApi();
  tenant = await createTenant('crud');
  viewer = await signToken(await createMember(tenant.app_code, 'viewer'));
  stranger = (await createTenant('crud-other')).token;
  workflow = await publishWorkflow(tenant.admin);
  workflowId = String((await get(`workflows/${workflow}`)).body.id);
  versionId = String((await get(`workflows/${workflow}/versions/1`)).body.id);
});
afterAll(() => api?.stop());

const send = (method: string, path: string, body?: unknown, token = tenant.token) =>
  call(`${api.url}/v1/${path}`, { method, token, ...(body === undefined ? {} : { body }) });
const get = (path: string, token = tenant.token) => send('GET', path, undefined, token);
const items = ({ body }: Answer) => body.items as Record<string, unknown>[];

interface Case {
  path: string;
  /** A body that creates a row, and one that changes it. */
  create(): Record<string, unknown>;
  change: Record<string, unknown>;
}

const CASES: Case[] = [
  {
    path: 'schedules',
    create: () => ({ workflow_id: workflowId, cron_expression: '0 5 * * *', is_enabled: false }),
    change: { name: 'nightly' },
  },
  {
    path: 'triggers',
    create: () => ({ workflow_id: workflowId, trigger_type: 'event', event_name: 'order.made' }),
    change: { filter: { kind: 'large' } },
  },
  {
    path: 'work-queues',
    create: () => ({ workflow_id: workflowId, queue_name: 'parcels' }),
    change: { max_size: 3 },
  },
  {
    path: 'task-queues',
    create: () => ({ name: 'slow' }),
    change: { max_concurrent_workflows: 2 },
  },
  {
    path: 'components',
    create: () => ({
      name: 'mailer',
      implementation_type: 'service_task',
      endpoint: 'https://mail.example/send',
    }),
    change: { tags: ['mail'], config_schema: { type: 'object' } },
  },
  {
    path: 'prompts',
    create: () => ({ name: 'greeting', prompt_content: 'Say hello' }),
    change: { recommended_models: ['a', 'b'] },
  },
  { path: 'projects', create: () => ({ name: 'Shop' }), change: { metadata: { owner: 'ops' } } },
  {
    path: 'compilations',
    create: () => ({
      workflow_version_id: versionId,
      workflow_code: 'export async function run() {}',
      activities_code: '',
      worker_code: '',
      package_json: '{}',
      tsconfig_json: '{}',
    }),
    change: { temporal_workflow_id: 'order-1', is_active: false },
  },
  {
    path: 'workflow-signals',
    create: () => ({ workflow_id: workflowId, signal_name: 'arrived' }),
    change: { description: 'The parcel arrived.' },
  },
  {
    path: 'workflow-queries',
    create: () => ({ workflow_id: workflowId, query_name: 'total', expression: 'input.n' }),
    change: { expression: 'input.n * 2' },
  },
  {
    path: 'flow-controls',
    create: () => ({ workflow_id: workflowId, kind: 'concurrency', max_count: 1 }),
    change: { key_path: '$.customer.id', max_count: 5 },
  },
];

describe.each(CASES)('/v1/$path', ({ path, create, change }) => {
  it('creates, reads, lists, changes and deletes a row', async () => {
    const made = await send('POST', path, create());
    expect([made.status, made.body], JSON.stringify(made.body)).toEqual([
      201,
      expect.objectContaining(create()),
    ]);
    const url = new URL(made.headers.get('location') ?? '', `${api.url}/v1/${path}`).href;
    const one = `${path}/${made.body.id}`;
    expect(url).toBe(`${api.url}/v1/${one}`);

    expect((await get(one)).body).toEqual(made.body);
    expect(items(await get(path)).map(({ id }) => id)).toContain(made.body.id);
    const changed = await send('PATCH', one, change);
    expect([changed.status, changed.body]).toEqual([200, expect.objectContaining(change)]);

    const refused = [
      await send('POST', path, create(), viewer),
      await send('PATCH', one, change, viewer),
    ];
    refused.push(await send('DELETE', one, undefined, viewer));
    expect(refused.map(({ status, body }) => [status, body.code])).toEqual(
      Array(3).fill([403, 'permission_denied']),
    );
    expect((await get(one, viewer)).status).toBe(200);
    expect((await get(one, stranger)).status).toBe(404);
    expect((await send('PATCH', one, change, stranger)).status).toBe(404);
    expect((await send('DELETE', one, undefined, stranger)).status).toBe(404);

    expect((await send('DELETE', one)).status).toBe(204);
    expect((await get(one)).status).toBe(404);
    expect(items(await get(path)).map(({ id }) => id)).not.toContain(made.body.id);
  });

  it('refuses unknown columns, columns of the database, and an empty change', async () => {
    const odd = await send('POST', path, { ...create(), created_by: randomUUID() });
    expect([odd.status, odd.body.code]).toEqual([400, 'invalid_request']);
    const empty = await send('PATCH', `${path}/${randomUUID()}`, {});
    expect([empty.status, empty.body.code]).toEqual([400, 'invalid_request']);
    expect((await send('PATCH', `${path}/${randomUUID()}`, change)).status).toBe(404);
  });
});

describe('workflows', () => {
  it('are listed by status and words, archived, restored and deleted', async () => {
    const name = await publishWorkflow(tenant.admin);
    const changed = await send('PATCH', `workflows/${name}`, {
      description: 'Packs zebra parcels',
      tags: ['zoo'],
    });
    expect(changed.body.tags).toEqual(['zoo']);
    const named = async (query: string) =>
      items(await get(`workflows?${query}`)).map((row) => row.kebab_name);
    expect(await named('q=zebra')).toEqual([name]);
    expect(await named('tag=zoo&status=published')).toEqual([name]);
    expect(await named('tag=zoo&status=draft')).toEqual([]);

    expect((await send('POST', `workflows/${name}/archive`, {})).body.status).toBe('archived');
    const start = await send('POST', `workflows/${name}/runs`, { input: { n: 1 } });
    expect([start.status, start.body.code]).toEqual([409, 'conflict']);
    expect((await send('POST', `workflows/${name}/restore`, {})).body.status).toBe('published');
    expect((await send('DELETE', `workflows/${name}`)).status).toBe(204);
    expect((await get(`workflows/${name}`)).status).toBe(404);
    expect((await send('POST', `workflows/${name}/restore`, {})).body.status).toBe('published');
    expect((await send('POST', `workflows/${name}/archive`, {}, viewer)).status).toBe(403);
    expect((await send('POST', `workflows/${name}/archive`, {}, stranger)).status).toBe(404);
  });

  it('show their versions and how the engine executes them', async () => {
    const versions = items(await get(`workflows/${workflow}/versions`));
    expect(versions.map(({ version, status }) => [version, status])).toEqual([[1, 'published']]);
    const one = await get(`workflows/${workflow}/versions/1`);
    expect(one.body.definition).toHaveProperty('nodes');
    expect((await get(`workflows/${workflow}/versions/2`)).status).toBe(404);
    expect((await get(`workflows/${workflow}/versions/x`)).status).toBe(400);
    expect((await get(`workflows/${workflow}/explain`)).body.nodes).toHaveLength(3);
  });
});

describe('members, keys and the application', () => {
  it('lists members with profiles, changes a role, and removes one', async () => {
    const person = await createMember(tenant.app_code, 'viewer');
    const before = items(await get('members')).find(({ user_id }) => user_id === person.id);
    expect(before).toMatchObject({ role: 'viewer', email: expect.stringContaining('@') });
    const changed = await send('PATCH', `members/${person.id}`, { role: 'developer' });
    expect(changed.body.role).toBe('developer');
    expect((await send('PATCH', `members/${person.id}`, { role: 'nothing' })).status).toBe(400);
    expect((await send('DELETE', `members/${person.id}`, undefined, viewer)).status).toBe(403);
    expect((await send('DELETE', `members/${person.id}`)).status).toBe(204);
    const last = await send('DELETE', `members/${tenant.admin.id}`);
    expect(last.status, JSON.stringify(last.body)).toBe(409);
  });

  it('creates a key that works, shows it without its secret, and revokes it', async () => {
    const made = await send('POST', 'api-keys', { name: 'ci', scopes: ['workflow:read'] });
    expect(made.status).toBe(201);
    const { id, key } = made.body as { id: string; key: string };
    expect(items(await get('workflows', key)).length).toBeGreaterThan(0);
    const me = await get('me', key);
    expect(me.body).toMatchObject({ permissions: ['workflow:read'], user: null, api_key_id: id });
    expect(JSON.stringify((await get('api-keys')).body)).not.toContain(key);
    expect((await send('PATCH', `api-keys/${id}`, { name: 'ci 2' })).body.name).toBe('ci 2');
    expect((await send('POST', `api-keys/${id}/adopt`, {})).body.owner_id).toBe(tenant.admin.id);
    expect((await send('POST', `api-keys/${id}/revoke`, {})).body.revoked_at).not.toBeNull();
    expect((await get('workflows', key)).status).toBe(401);
    expect((await get('api-keys', viewer)).status).toBe(403);
  });

  it('reads and changes the application of the caller only', async () => {
    const changed = await send('PATCH', 'application', { description: 'Ours' });
    expect(changed.body).toMatchObject({ app_code: tenant.app_code, description: 'Ours' });
    expect((await send('PATCH', 'application', { description: 'No' }, viewer)).status).toBe(403);
    expect((await get('application', viewer)).body.description).toBe('Ours');
    expect((await get('application/quotas')).body).toHaveProperty('max_open_runs');
    expect(items(await get('applications')).map((row) => row.app_code)).toEqual([tenant.app_code]);
    expect((await send('POST', `applications/${tenant.app_code}/switch`, {})).status).toBe(200);
    expect((await send('POST', 'applications/acme/switch', {})).status).toBe(404);
    expect((await get('me')).body).toMatchObject({ app_code: tenant.app_code });
  });

  it('shows who changed what to auditors only', async () => {
    const log = items(await get('audit-log?table_name=applications&operation=update'));
    expect(log[0]).toMatchObject({ row_id: tenant.app_code, actor_id: tenant.admin.id });
    expect((await get('audit-log?operation=read')).status).toBe(200);
    expect((await get('audit-log', viewer)).status).toBe(403);
  });

  it('returns seals, an anchor and a verification of the audit log to auditors only', async () => {
    const anchor = await waitFor('the log is sealed', async () => {
      await sql('select stepbase_engine.seal_audit_log()');
      const { body } = await get('audit-log/anchor');
      return body.seq === null ? undefined : body;
    });
    const [newest] = items(await get('audit-log/seals?limit=1'));
    expect(newest).toMatchObject({ app_code: tenant.app_code, previous_hash: expect.any(String) });
    const { seq, hash } = anchor as { seq: number; hash: string };
    const verify = async (body: unknown) => (await send('POST', 'audit-log/verify', body)).body;
    expect(await verify({ anchor: { seq, hash } })).toMatchObject({
      verified: true,
      problem: null,
    });
    expect(await verify({ anchor: { seq, hash: '0'.repeat(64) } })).toMatchObject({
      verified: false,
      problem: { code: 'anchor_differs', seq },
    });
    expect((await send('POST', 'audit-log/verify', { from_seq: 0 })).status).toBe(400);
    for (const [method, path] of [
      ['GET', 'audit-log/seals'],
      ['GET', 'audit-log/anchor'],
      ['POST', 'audit-log/verify'],
    ] as const) {
      const body = method === 'POST' ? {} : undefined;
      expect((await send(method, path, body, viewer)).status, path).toBe(403);
    }
  });

  it('reads statistics and workers', async () => {
    await sql('select stepbase_engine.refresh_statistics()');
    const totals = items(await get('statistics/workflows'));
    expect(totals.map((row) => row.workflow_id)).toContain(workflowId);
    const day = await get('statistics?group_by=application');
    expect(day.body).toMatchObject({ items: expect.any(Array), since: expect.any(String) });
    expect(
      (await get('statistics?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z')).status,
    ).toBe(400);
    for (const path of ['statistics/projects', 'statistics/activities', 'workers']) {
      expect((await get(path)).status, path).toBe(200);
    }
  });

  it('reads each look-up table, also for a user without an application', async () => {
    const { token: person } = await createUser('lookups');
    for (const name of LOOKUPS) {
      const rows = items(await get(`lookups/${name}`));
      expect(rows.length, name).toBeGreaterThan(0);
      const places = rows.map(({ ordinal }) => Number(ordinal));
      expect(places, name).toEqual(places.toSorted((one, other) => one - other));
      expect(items(await get(`lookups/${name}`, person))).toEqual(rows);
    }
    expect((await get('lookups/outbox')).status).toBe(400);
  });

  it('lists step types, and what other applications of the organization share', async () => {
    const types = items(await get('step-types?limit=200')).map(({ name }) => name);
    expect(types).toContain('http_request');
    const names = { workflows: 'kebab_name', components: 'name', prompts: 'name' };
    await send('POST', 'components', {
      name: 'public-mailer',
      implementation_type: 'user_task',
      visibility: 'public',
    });
    await send('POST', 'prompts', {
      name: 'public-prompt',
      prompt_content: 'Hi',
      visibility: 'public',
    });
    await send('PATCH', `workflows/${workflow}`, { visibility: 'public' });
    const shared = { workflows: workflow, components: 'public-mailer', prompts: 'public-prompt' };
    for (const [kind, name] of Object.entries(shared)) {
      const path = `shared/${kind}?app_code=${tenant.app_code}`;
      const column = names[kind as keyof typeof names];
      expect(
        items(await get(path, stranger)).map((row) => row[column]),
        kind,
      ).toEqual([name]);
      expect(items(await get(path)), kind).toEqual([]);
    }
  });

  it('lists dead letters with their last error', async () => {
    const failing = `failing-${randomUUID().slice(0, 8)}`;
    await send('POST', `workflows/${failing}/draft`, {
      definition: {
        nodes: [{ id: 'a', type: 'transform', data: { config: { expression: '$error("no")' } } }],
        edges: [],
      },
    });
    await send('POST', `workflows/${failing}/publish`, {});
    const started = await call(`${api.url}/v1/workflows/${failing}/runs`, {
      token: tenant.token,
      body: {},
      headers: { prefer: 'wait=30' },
      timeoutMs: 60_000,
    });
    const letters = items(await get(`dead-letters?workflow=${failing}`));
    expect(letters).toMatchObject([
      { run_id: started.body.id, error_code: 'expression_failed', redriven_run_id: null },
    ]);
    const redriven = await send('POST', 'runs/redrive', { run_ids: [started.body.id] });
    const [run] = redriven.body.runs as { id: string }[];
    const after = items(await get(`dead-letters?workflow=${failing}&sort=failed_at`));
    expect(after[0]?.redriven_run_id).toBe(run?.id);
  });

  it('creates a webhook, and rotates its secret', async () => {
    const made = await send('POST', 'webhooks', { workflow, name: 'shop' });
    expect(made.body).toMatchObject({ path: `/hooks/${made.body.id}`, secret: expect.any(String) });
    const rotated = await send('POST', `webhooks/${made.body.id}/rotate`, {});
    expect(rotated.body.secret).not.toBe(made.body.secret);
    expect((await send('POST', 'webhooks', { workflow: 'nothing' })).status).toBe(404);
    expect((await send('DELETE', `triggers/${made.body.id}`)).status).toBe(204);
  });
});
