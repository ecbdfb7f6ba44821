// Secrets through supabase-js: an admin sets them, steps send them, and an attempt without its lease gets none.

import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { seedUser } from '../../support/stack.ts';
import { type Node, node, type TestApp, testApp } from '../support.ts';
import { claim, handOut } from '../tokens.ts';

let b: TestApp;
let server: Server;
let url: string;
let name: string;
/** The header x-key of each request. */
let received: unknown[] = [];

beforeAll(async () => {
  b = await testApp();
  server = createServer((request, response) => {
    received.push(request.headers['x-key']);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ key: request.headers['x-key'] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  name = `key_${randomUUID().replaceAll('-', '_')}`;
  received = [];
});
afterEach(async () => {
  await b.admin.rpc('delete_secret', { name });
});

const sends = (id: string): Node =>
  node(id, 'http_request', { url, headers: { 'x-key': `{{ secrets.${name} }}` } });

async function set(value: string, more: { allowed_hosts?: string[] } = {}): Promise<unknown> {
  const { data, error } = await b.admin.rpc('set_secret', { name, value, ...more });
  if (error) throw new Error(`${error.code} ${error.message}`);
  return data;
}

async function listed(): Promise<Record<string, unknown> | undefined> {
  const { data, error } = await b.developer.rpc('list_secrets');
  if (error) throw new Error(error.message);
  return data.find((secret: { name: string }) => secret.name === name);
}

test('steps send the version in use, and the run keeps none of it', async () => {
  expect(await set('the-first-value')).toEqual({ name, version: 1, allowed_hosts: null });
  const workflow = await b.publish([sends('a'), sends('b')], ['a > b']);
  const run = async () => await b.ended((await b.start(workflow)).id);

  const first = await run();
  expect(first.run.status).toBe('completed');
  expect(JSON.stringify(first)).not.toContain('the-first-value');
  expect(first.step('b').output).toMatchObject({ body: { key: '***' } });
  await set('the-second-value');
  await run();
  expect((await b.admin.rpc('rollback_secret', { name, version: 1 })).data).toMatchObject({
    version: 1,
  });
  await run();
  expect(received).toEqual([
    ...['the-first-value', 'the-first-value'],
    ...['the-second-value', 'the-second-value'],
    ...['the-first-value', 'the-first-value'],
  ]);

  expect(await listed()).toMatchObject({
    source: 'application',
    version: 1,
    versions: [2, 1],
    workflows: [workflow],
  });
  const { data: reads } = await b.admin
    .from('audit_log')
    .select('operation, new_row')
    .eq('table_name', 'secrets')
    .eq('row_id', name)
    .eq('new_row->>run_id', first.run.id);
  expect(reads).toEqual([
    { operation: 'read', new_row: { run_id: first.run.id, step_id: 'a', version: 1 } },
  ]);
});

test('a step cannot send a secret to a host that is not allowed', async () => {
  await set('only for one host', { allowed_hosts: ['api.example.com'] });
  const { run } = await b.run([sends('a')]);
  expect(run).toMatchObject({ status: 'failed', error: { code: 'secret_host_not_allowed' } });
  expect(received).toEqual([]);
});

test('after its deletion, steps that need it fail', async () => {
  await set('gone soon');
  const { error } = await b.admin.rpc('delete_secret', { name });
  expect(error).toBeNull();
  const { run } = await b.run([sends('a')]);
  expect(run).toMatchObject({ status: 'failed', error: { code: 'secret_not_found' } });
});

test('changes at the same time get versions of their own', async () => {
  const made = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((value) => set(value)));
  expect(made.map((one) => (one as { version: number }).version).sort()).toEqual([1, 2, 3, 4, 5]);
  expect(await listed()).toMatchObject({ version: 5, versions: [5, 4, 3, 2, 1] });
});

test('an attempt whose step another worker has claimed reads nothing', async () => {
  await set('for the holder');
  const workflow = await b.publish([sends('a')]);
  const { rows: versions } = await b.db.query<{ id: string }>(
    'select published_version_id as id from stepbase.workflows where kebab_name = $1',
    [workflow],
  );
  const db = await b.db.connect();
  try {
    await db.query('begin');
    const { rows: runs } = await db.query<{ id: string }>(
      `select (stepbase_engine.start_run($1, $2, '{}')).id`,
      [seedUser('admin@acme').app_code, versions[0]?.id],
    );
    const runId = runs[0]?.id ?? '';
    const tokens = await handOut(db, [runId]);
    const [first] = await claim(db, tokens);
    const read = async (fence: number) => {
      const text = 'select value from stepbase_engine.read_secret($1, $2, $3)';
      return (await db.query(text, [first?.step_run_id, fence, name])).rows;
    };
    expect(await read(1)).toEqual([{ value: 'for the holder' }]);
    await db.query('select stepbase_engine.return_tokens($1)', [
      tokens.map(({ job_id }) => job_id),
    ]);
    await db.query('savepoint returned');
    await expect(read(1)).rejects.toMatchObject({ code: 'SB409' });
    await db.query('rollback to returned');
    const [second] = await claim(db, await handOut(db, [runId]));
    expect(second?.fence).toBe(2);
    await db.query('savepoint claimed');
    await expect(read(1)).rejects.toMatchObject({ code: 'SB409' });
    await db.query('rollback to claimed');
    expect(await read(2)).toEqual([{ value: 'for the holder' }]);
  } finally {
    await db.query('rollback');
    db.release();
  }
});
