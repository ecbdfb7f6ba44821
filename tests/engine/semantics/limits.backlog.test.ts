// Fairness as clients see it: the single run of one application ends while hundreds of another wait. The
// worker has few slots and the test decides when a step ends, so only the order matters.

import { randomUUID } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Stack } from '../../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../../scripts/stack/throwaway.ts';
import { type StackClient, signedIn, waitFor } from '../../support/stack.ts';
import {
  expectLegalHistory,
  type Node,
  node,
  type Run,
  type TestApp,
  testApp,
} from '../support.ts';

const AT_ONCE = 10;
const BACKLOG = 300;

let stack: Stack;
let b: TestApp;
let server: Server;
let url: string;
/** Steps in flight, by app. */
const held: { app: string; response: ServerResponse }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    held.push({ app: (request.url ?? '').slice(1), response });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  stack = await startThrowawayStack({
    web: false,
    functionsEnv: { STEPBASE_CONCURRENCY: String(AT_ONCE) },
  });
  b = await testApp(stack.info);
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await stack?.stop();
});

async function publish(client: StackClient, nodes: Node[]): Promise<string> {
  const kebab_name = `t-${randomUUID()}`;
  const saved = await client
    .rpc('save_workflow', { kebab_name, definition: { nodes, edges: [] } })
    .single<{ id: string }>();
  const published = await client.rpc('publish_workflow', { workflow_version_id: saved.data?.id });
  expect(published.error).toBeNull();
  return kebab_name;
}

async function start(client: StackClient, workflow: string): Promise<string> {
  const { data, error } = await client.rpc('start_run', { workflow }).single<Run>();
  if (error) throw new Error(error.message);
  return data.id;
}

test('the single run of one app ends while the backlog of another waits', async () => {
  const theirs = await signedIn('developer@globex', stack.info);
  const asks = (app: string) => [node('ask', 'http_request', { url: `${url}/${app}` })];
  const many = await publish(b.developer, asks('acme'));
  const backlog = await Promise.all(
    Array.from({ length: BACKLOG }, () => start(b.developer, many)),
  );
  await waitFor('the worker is busy', () => held.length >= AT_ONCE);
  const single = await start(theirs, await publish(theirs, asks('globex')));

  // One slot at a time becomes free: the single run comes before older runs of the backlog.
  let answered = 0;
  while (!held.some(({ app }) => app === 'globex')) {
    expect(answered, 'steps of the backlog done before').toBeLessThanOrEqual(2 * AT_ONCE);
    const seen = answered + held.length;
    held.shift()?.response.end('{}');
    answered += 1;
    await waitFor('the next step', () => answered + held.length > seen);
  }
  for (const { app, response } of held) if (app === 'globex') response.end('{}');
  await waitFor('the single run has ended', async () => {
    const { data } = await theirs.from('runs').select('status').eq('id', single).single();
    return data?.status === 'completed';
  });
  const { count } = await b.developer
    .from('runs')
    .select('*', { count: 'exact', head: true })
    .in('workflow_id', [await idOf(many)])
    .is('completed_at', null);
  expect(count).toBeGreaterThanOrEqual(BACKLOG - 2 * AT_ONCE);

  server.on('request', (_, response) => void response.end('{}'));
  for (const { response } of held) response.end('{}');
  await waitFor(
    'the backlog is empty',
    async () => {
      const { rows } = await b.db.query(
        'select from stepbase.runs where id = any($1) and completed_at is null limit 1',
        [backlog],
      );
      return rows.length === 0;
    },
    30_000,
  );
  await expectLegalHistory(b.db, single, ...backlog);
});

async function idOf(workflow: string): Promise<string> {
  const { data } = await b.developer
    .from('workflows')
    .select('id')
    .eq('kebab_name', workflow)
    .single<{ id: string }>();
  return data?.id ?? '';
}
