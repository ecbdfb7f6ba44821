// The MCP server with the official client: tools by permission, workflows that opt in, and the actions on runs.
import { randomUUID } from 'node:crypto';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Api,
  call,
  createMember,
  createTenant,
  publishWorkflow,
  signToken,
  startApi,
  type TestTenant,
} from './support.ts';

let api: Api;
let tenant: TestTenant;
const clients: Client[] = [];

beforeAll(async () => {
  api = await startApi();
  tenant = await createTenant('mcp');
});
afterAll(async () => {
  for (const client of clients) await client.close();
  await api?.stop();
});

async function connect(token: string, more: Record<string, string> = {}): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${api.url}/mcp`), {
      requestInit: { headers: { authorization: `Bearer ${token}`, ...more } },
    }),
  );
  clients.push(client);
  return client;
}

interface Result {
  isError: boolean;
  value: Record<string, unknown>;
}

async function use(
  client: Client,
  name: string,
  input: Record<string, unknown> = {},
): Promise<Result> {
  const result = await client.callTool({ name, arguments: input }, undefined, { timeout: 60_000 });
  const [content] = result.content as { type: string; text: string }[];
  const text = content?.text ?? '';
  return {
    isError: result.isError === true,
    value: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : { text },
  };
}

const namesOf = async (client: Client) => (await client.listTools()).tools.map(({ name }) => name);

const send = (method: string, path: string, body: unknown) =>
  call(`${api.url}/v1/${path}`, { method, token: tenant.token, body });

/** A published workflow that doubles n; it is a tool if its metadata says so. */
async function doubling(metadata: object): Promise<string> {
  const name = `double-${randomUUID().slice(0, 8)}`;
  await send('POST', `workflows/${name}/draft`, {
    definition: {
      nodes: [{ id: 'double', type: 'transform', data: { config: { expression: 'input.n * 2' } } }],
      edges: [],
    },
    description: 'Doubles a number.',
    input_schema: { type: 'object', required: ['n'], properties: { n: { type: 'number' } } },
  });
  await send('POST', `workflows/${name}/publish`, {});
  await send('PATCH', `workflows/${name}`, { metadata });
  return name;
}

describe('the MCP server', () => {
  it('offers published workflows that opt in, with their input schema', async () => {
    const offered = await doubling({ mcp: true });
    const hidden = await doubling({ mcp: 'no' });
    const client = await connect(tenant.token);
    const { tools } = await client.listTools();
    const tool = tools.find(({ name }) => name === `run-${offered}`);
    expect(tool?.inputSchema).toMatchObject({
      required: ['n'],
      properties: { n: { type: 'number' } },
    });
    expect(tool?.description).toContain('Doubles a number.');
    expect(tools.map(({ name }) => name)).not.toContain(`run-${hidden}`);

    const done = await use(client, `run-${offered}`, { n: 21 });
    expect(done).toMatchObject({
      isError: false,
      value: { status: 'completed', output: { double: 42 } },
    });
    const wrong = await use(client, `run-${offered}`, { n: 'many' });
    expect([wrong.isError, wrong.value.code]).toEqual([true, 'invalid_input']);
    expect((await use(client, `run-${hidden}`, { n: 1 })).isError).toBe(true);

    const stranger = await connect((await createTenant('mcp-other')).token);
    expect(await namesOf(stranger)).not.toContain(`run-${offered}`);
    expect((await use(stranger, `run-${offered}`, { n: 1 })).isError).toBe(true);
  });

  it('starts, watches, lists and completes what a person decides', async () => {
    const workflow = await publishWorkflow(tenant.admin);
    const client = await connect(tenant.token);
    const started = await use(client, 'start_run', { kebab_name: workflow, input: { n: 3 } });
    const runId = started.value.id;
    expect(started.value.status).toEqual(expect.any(String));
    const listed = await use(client, 'list_runs', { workflow, limit: 5 });
    expect((listed.value.items as { id: string }[]).map(({ id }) => id)).toEqual([runId]);
    await expect
      .poll(
        async () => {
          const { value } = await use(client, 'list_tasks', { run_id: runId });
          return (value.items as unknown[]).length;
        },
        { timeout: 20_000 },
      )
      .toBe(1);
    const { value } = await use(client, 'list_tasks', { run_id: runId });
    const [task] = value.items as { id: string }[];
    const explained = await use(client, 'explain_run', { run_id: runId });
    expect(explained.value).toMatchObject({ run: { code: 'task' }, open_steps: 1 });
    await use(client, 'decide_approval', { step_run_id: task?.id, approved: true });
    const watched = await use(client, 'watch_run', { run_id: runId, wait_seconds: 30 });
    expect(watched.value.run).toMatchObject({ status: 'completed', output: { add: 7 } });
    const events = await use(client, 'list_run_events', { run_id: runId, limit: 1 });
    expect(events.value.items).toHaveLength(1);
  });

  it('saves drafts and explains workflows', async () => {
    const client = await connect(tenant.token);
    const name = `draft-${randomUUID().slice(0, 8)}`;
    const saved = await use(client, 'save_draft', {
      kebab_name: name,
      definition: {
        nodes: [{ id: 'a', type: 'transform', data: { config: { expression: '1' } } }],
        edges: [],
      },
    });
    expect(saved.value.version).toMatchObject({ status: 'draft' });
    const explained = await use(client, 'explain_workflow', { kebab_name: name });
    expect(explained.value.nodes).toHaveLength(1);
  });

  it('lists and allows only what the caller may do', async () => {
    const viewer = await connect(await signToken(await createMember(tenant.app_code, 'viewer')));
    const names = await namesOf(viewer);
    expect(names).toContain('list_runs');
    expect(names).not.toContain('start_run');
    expect(names.some((name) => name.startsWith('run-'))).toBe(false);
    const refused = await use(viewer, 'start_run', { kebab_name: 'any' });
    expect([refused.isError, refused.value.code]).toEqual([true, 'permission_denied']);
    expect((await use(viewer, 'constructor')).isError).toBe(true);
  });

  it('acts with the secret key for the application that the header names', async () => {
    const client = await connect('sb_secret_api_tests', { 'x-stepbase-app': tenant.app_code });
    const workflow = await publishWorkflow(tenant.admin);
    const started = await use(client, 'start_run', { kebab_name: workflow, input: { n: 3 } });
    expect([started.isError, started.value.app_code]).toEqual([false, tenant.app_code]);
  });

  it('works with an API key and refuses callers without credentials', async () => {
    const { body } = await send('POST', 'api-keys', { name: 'mcp', scopes: ['run:read'] });
    const client = await connect(String(body.key));
    expect((await use(client, 'list_runs')).isError).toBe(false);
    await expect(connect('nonsense')).rejects.toThrow();
    const answer = await call(`${api.url}/mcp`, {
      body: { jsonrpc: '2.0', id: 1, method: 'ping' },
    });
    expect(answer.status).toBe(401);
  });
});
