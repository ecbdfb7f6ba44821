// Steps that run components: the component of the version, its retries, and the widget of a task.

import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failing, node, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
let server: Server;
let url: string;
const calls = new Map<string, number>();

beforeAll(async () => {
  b = await testApp();
  server = createServer((request, response) => {
    const path = request.url ?? '';
    const n = (calls.get(path) ?? 0) + 1;
    calls.set(path, n);
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      response.statusCode = path.startsWith('/flaky') && n < 3 ? 503 : 200;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ path, n, input: JSON.parse(body).input }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function component(path: string, more: Record<string, unknown> = {}): Promise<string> {
  const name = `c-${randomUUID().slice(0, 12)}`;
  const { error } = await b.developer.from('components').insert({
    name,
    implementation_type: 'service_task',
    endpoint: `${url}${path}`,
    ...more,
  });
  if (error) throw new Error(error.message);
  return name;
}

describe('components', () => {
  test('a service task calls the endpoint of its component', async () => {
    const name = await component('/plain');
    const { run } = await b.run(
      [
        node('call', 'service_task', { component: name, input: { sku: '{{ input.sku }}' } }),
        value('z', 'steps.call.output.input.sku'),
      ],
      ['call > z'],
      { sku: 'a-1' },
    );
    expect(run).toMatchObject({ status: 'completed', output: { z: 'a-1' } });
  });

  test('a step without a retry policy has the policy of its component', async () => {
    const patient = await component(`/flaky-${randomUUID()}`, { retry_count: 3 });
    const { id } = await b.start(
      await b.publish([node('call', 'service_task', { component: patient })]),
    );
    const { run, all } = await b.ended(id, 30_000);
    expect(run.status).toBe('completed');
    expect(all.map(({ attempt, status }) => [attempt, status])).toEqual([
      [1, 'failed'],
      [2, 'failed'],
      [3, 'completed'],
    ]);
    const impatient = await component(`/flaky-${randomUUID()}`);
    const once = await b.run([node('call', 'service_task', { component: impatient })]);
    expect(once.run).toMatchObject({ status: 'failed', error: { code: 'http_server_error' } });
    expect(once.all).toHaveLength(1);
  });

  test('every item of a for_each can run a component', async () => {
    const name = await component('/items');
    const { run } = await b.run([
      node('each', 'for_each', {
        items: [1, 2, 3],
        step: { type: 'service_task', config: { component: name, input: { n: '{{ item }}' } } },
      }),
    ]);
    const output = run.output as { each: { input: { n: number } }[] };
    expect(output.each.map(({ input }) => input.n)).toEqual([1, 2, 3]);
  });

  test('items of a for_each and compensations have the retry policy of their component', async () => {
    const retry_count = 3;
    const of = async () => ({
      type: 'service_task',
      config: { component: await component(`/flaky-${randomUUID()}`, { retry_count }) },
    });
    const each = await b.start(
      await b.publish([node('each', 'for_each', { items: [1], step: await of() })]),
    );
    const undone = await b.start(
      await b.publish(
        [
          { ...value('do'), data: { config: { expression: '1' }, compensate: await of() } },
          failing('fail'),
        ],
        ['do > fail'],
      ),
    );
    const attempts = async (runId: string, itemIndex: number) =>
      (await b.ended(runId, 30_000)).all
        .filter(({ item_index }) => item_index === itemIndex)
        .map(({ attempt, status }) => [attempt, status]);
    const thrice = [
      [1, 'failed'],
      [2, 'failed'],
      [3, 'completed'],
    ];
    expect(await attempts(each.id, 1)).toEqual(thrice);
    expect(await attempts(undone.id, -1)).toEqual(thrice);
  });

  test('a component that was disabled after publishing is not called', async () => {
    const path = `/off-${randomUUID()}`;
    const name = await component(path);
    const workflow = await b.publish([node('call', 'service_task', { component: name })]);
    const { error } = await b.developer
      .from('components')
      .update({ is_active: false })
      .eq('name', name);
    expect(error).toBeNull();
    const { run } = await b.ended((await b.start(workflow)).id);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'inactive_component' } });
    expect(calls.get(path)).toBeUndefined();
  });

  test('a task with a component names the widget for clients', async () => {
    const name = await component('/unused', {
      implementation_type: 'user_task',
      endpoint: null,
      ui_widget_id: 'address-form',
      ui_definitions: { fields: ['street'] },
    });
    const { id } = await b.start(
      await b.publish([node('ask', 'user_task', { component: name, title: 'Where to?' })]),
    );
    const { task, id: step_run_id } = await b.stepIs(id, 'ask', 'waiting');
    expect(task).toMatchObject({
      title: 'Where to?',
      widget: { id: 'address-form', definitions: { fields: ['street'] } },
    });
    await b.developer.rpc('complete_task', { step_run_id, output: { street: 'x' } });
    expect((await b.ended(id)).run.status).toBe('completed');
  });
});
