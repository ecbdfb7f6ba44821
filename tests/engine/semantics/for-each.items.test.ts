// for_each: the order of the results, the concurrency, and the effect of a failed item.

import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../../../types/database.ts';
import { waitFor } from '../../support/stack.ts';
import { type NodeOptions, node, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
let server: Server;
let url: string;
const flights = new Map<string, { open: Set<() => void>; most: number; total: number }>();

/**
 * Responds after a moment, and counts the concurrent requests of each key. The first requests of a key
 * that ends with `-4` are answered once four of them are open, so a busy machine reaches the limit too.
 */
beforeAll(async () => {
  server = createServer((request, response) => {
    const [, key = '', fate = ''] = (request.url ?? '').split('/');
    const flight = flights.get(key) ?? { open: new Set(), most: 0, total: 0 };
    flights.set(key, flight);
    const answer = () => {
      flight.open.delete(answer);
      response.statusCode = fate === 'bad' ? 400 : 200;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ fate }));
    };
    flight.open.add(answer);
    flight.total += 1;
    flight.most = Math.max(flight.most, flight.open.size);
    response.on('close', () => flight.open.delete(answer));
    if (flight.most < Number(/-(\d)$/.exec(key)?.[1] ?? 1)) return;
    setTimeout(() => {
      for (const open of [...flight.open]) open();
    }, 15);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  b = await testApp();
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const each = (step: Json, concurrency?: number, options?: NodeOptions) =>
  node(
    'each',
    'for_each',
    { items: '{{ input.items }}', step, ...(concurrency ? { concurrency } : {}) } as Json,
    options,
  );
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const get = (key: string): Json => ({
  type: 'http_request',
  config: { url: `${url}/${key}/{{ item }}` },
});

describe.concurrent('for_each', () => {
  test('returns the results in the order of the list, and every item has its index', async () => {
    const { run, all } = await b.run(
      [
        each({ type: 'transform', config: { expression: '{"i": index, "v": item & "!"}' } }, 3),
        value('last', 'steps.each.output[3].v'),
      ],
      ['each > last'],
      { items: ['a', 'b', 'c', 'd', 'e'] },
    );
    expect(run).toMatchObject({ status: 'completed', output: { last: 'd!' }, steps_completed: 2 });
    expect(run.context).toMatchObject({
      each: ['a', 'b', 'c', 'd', 'e'].map((v, i) => ({ i, v: `${v}!` })),
    });
    expect(all.filter((s) => s.step_id === 'each').map((s) => s.item_index)).toEqual(numbers(6));
  });

  test('executes at most as many items at once as its concurrency allows', async () => {
    const { run } = await b.run([each(get('bounded-4'), 4)], [], { items: numbers(40) });
    expect(run.status).toBe('completed');
    expect(flights.get('bounded-4')).toMatchObject({ total: 40, most: 4 });
  });

  test('a concurrency of one executes the items one after the other', async () => {
    const { all } = await b.run([each(get('single'), 1)], [], { items: numbers(8) });
    expect(flights.get('single')?.most).toBe(1);
    const started = all.filter((s) => s.item_index > 0).map((s) => Date.parse(s.started_at ?? ''));
    expect(started).toEqual(started.toSorted((x, y) => x - y));
  });

  test('a failed item fails the step, and no further item starts', async () => {
    const items = ['ok', 'ok', 'bad', ...numbers(60).map(String)];
    const { run, step, all } = await b.run([each(get('failing'), 2)], [], { items });
    expect(run).toMatchObject({ status: 'failed', error: { step_id: 'each' } });
    expect(step('each').status).toBe('failed');
    expect(all.filter((s) => s.item_index > 0 && s.status === 'failed')).toHaveLength(1);
    expect(flights.get('failing')?.total).toBeLessThan(20);
  });

  test('a failed item takes the error edge of the step', async () => {
    const { run, statuses } = await b.run(
      [each(get('edge'), 2), value('well'), value('repair', '"repaired"')],
      ['each > well', 'each > repair : error'],
      { items: ['ok', 'bad', 'ok'] },
    );
    expect(run).toMatchObject({ status: 'completed', output: { repair: 'repaired' } });
    expect(statuses).toEqual({ each: 'failed', well: 'skipped', repair: 'completed' });
  });

  test('continue-on-error puts the error in place of the result of the item', async () => {
    const { run } = await b.run(
      [each(get('continue'), 2, { on_error: 'continue' }), value('n', '$count(steps.each.output)')],
      ['each > n'],
      { items: ['ok', 'bad', 'fine'] },
    );
    expect(run).toMatchObject({ status: 'completed', output: { n: 3 } });
    expect(run.context.each).toMatchObject([
      { body: { fate: 'ok' } },
      { error: { code: expect.any(String) } },
      { body: { fate: 'fine' } },
    ]);
  });

  test('only the failed item is retried', async () => {
    const { run, all } = await b.run(
      [
        each({ type: 'http_request', config: { url: `${url}/again/bad`, retry_on: ['4xx'] } }, 2, {
          on_error: 'continue',
          retry: { max_attempts: 2, backoff: 'fixed', delay_ms: 1 },
        }),
      ],
      [],
      { items: [1, 2] },
    );
    expect(run.status).toBe('completed');
    expect(all.filter((s) => s.item_index > 0).map((s) => [s.item_index, s.attempt])).toEqual([
      [1, 1],
      [1, 2],
      [2, 1],
      [2, 2],
    ]);
  });

  test('an empty list completes at once', async () => {
    const { run } = await b.run(
      [each(get('none')), value('n', '$count(steps.each.output)')],
      ['each > n'],
      { items: [] },
    );
    expect(run).toMatchObject({ status: 'completed', output: { n: 0 }, context: { each: [] } });
  });

  test('items that are not an array fail the step', async () => {
    const { run } = await b.run([each(get('no-list'))], [], { items: 'three' });
    expect(run).toMatchObject({ status: 'failed', error: { step_id: 'each' } });
  });

  test('brackets make an array of one selected value, or of none', async () => {
    const name = await b.publish([
      node('each', 'for_each', {
        items: '{{ [input.orders[open].id] }}',
        step: { type: 'transform', config: { expression: 'item' } },
      }),
    ]);
    const ids = async (...open: boolean[]) => {
      const orders = open.map((one, id) => ({ id, open: one }));
      return (await b.ended((await b.start(name, { orders })).id)).run.output;
    };
    expect(await ids(true, true)).toEqual({ each: [0, 1] });
    expect(await ids(false, true)).toEqual({ each: [1] });
    expect(await ids(false)).toEqual({ each: [] });
  });

  test('a step that waits for a person, a signal or a time cannot be an item', async () => {
    for (const type of ['delay', 'wait_for_signal', 'wait_for_approval', 'for_each']) {
      await expect(b.publish([each({ type, config: {} })])).rejects.toThrow(
        `config.step.type cannot be ${type}`,
      );
    }
  });

  test('an item can be a run of another workflow', async () => {
    const child = await b.publish([value('double', 'input.n * 2')]);
    const { run } = await b.run(
      [
        each(
          { type: 'child_workflow', config: { workflow: child, input: { n: '{{ item }}' } } },
          3,
        ),
      ],
      [],
      { items: [1, 2, 3, 4, 5] },
    );
    expect(run).toMatchObject({
      status: 'completed',
      output: { each: [2, 4, 6, 8, 10].map((double) => ({ double })) },
    });
  });

  test('a failed run of another workflow is a failed item', async () => {
    const child = await b.publish([value('odd', 'input.n % 2 = 1 ? input.n : $error("even")')]);
    const item = {
      type: 'child_workflow',
      config: { workflow: child, input: { n: '{{ item }}' } },
    };
    const [kept, fatal] = await Promise.all([
      b.run([each(item, 2, { on_error: 'continue' })], [], { items: [1, 2, 3, 4] }),
      b.run([each(item, 1)], [], { items: [1, 2, 3, 4] }),
    ]);
    expect(kept.run).toMatchObject({
      status: 'completed',
      output: {
        each: [
          { odd: 1 },
          { error: { code: 'child_failed' } },
          { odd: 3 },
          { error: { code: 'child_failed' } },
        ],
      },
    });
    expect(fatal.run).toMatchObject({ status: 'failed', error: { step_id: 'each' } });
  });

  test('children of cancelled items are closed, and requests in flight are aborted', async () => {
    // One request stays open; the other gets an error when both have arrived.
    const asked: ServerResponse[] = [];
    const closed: string[] = [];
    const other = createServer((request, response) => {
      asked.push(response);
      if (request.url === '/held') response.on('close', () => closed.push('held'));
      if (asked.length < 2) return;
      const bad = asked.find(({ req }) => req.url === '/bad');
      if (bad) bad.statusCode = 400;
      bad?.end();
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    try {
      const holding = await b.publish([node('hold', 'wait_for_signal', { signal_name: 'go' })]);
      const failingSoon = await b.publish(
        [node('hold', 'wait_for_signal', { signal_name: 'fail' }), value('bad', '$error("no")')],
        ['hold > bad'],
      );
      const { id } = await b.start(
        await b.publish(
          [
            node('each', 'for_each', {
              items: [holding, failingSoon],
              concurrency: 2,
              step: { type: 'child_workflow', config: { workflow: '{{ item }}' } },
            }),
            node('asking', 'for_each', {
              items: ['held', 'bad'],
              concurrency: 2,
              step: {
                type: 'http_request',
                config: { url: `http://127.0.0.1:${port}/{{ item }}` },
              },
            }),
            value('caught', '1'),
            node('go-on', 'wait_for_signal', { signal_name: 'end' }),
          ],
          ['each > go-on : error', 'asking > caught : error'],
        ),
      );
      await waitFor('the request in flight is aborted', () => closed.length > 0);
      const children = await waitFor('both children', async () => {
        const { data } = await b.developer
          .from('runs')
          .select('id, workflows!inner(kebab_name)')
          .eq('parent_run_id', id);
        return data?.length === 2 ? data : undefined;
      });
      const of = (name: string) =>
        children.find(({ workflows }) => JSON.stringify(workflows).includes(name))?.id ?? '';
      await b.stepIs(of(failingSoon), 'hold', 'waiting');
      await b.developer.rpc('send_signal', { run_id: of(failingSoon), signal_name: 'fail' });
      await b.stepIs(id, 'go-on', 'waiting');
      const { run } = await b.ended(of(holding));
      expect(run).toMatchObject({ status: 'cancelled', error: { code: 'parent_closed' } });
      await b.developer.rpc('send_signal', { run_id: id, signal_name: 'end' });
      expect((await b.ended(id)).run.status).toBe('completed');
    } finally {
      other.closeAllConnections();
      other.close();
    }
  });

  test('a list of a thousand items completes', async () => {
    const { run, all } = await b.run(
      [
        each({ type: 'transform', config: { expression: 'item * item' } }, 100),
        value('sum', '$sum(steps.each.output)'),
      ],
      ['each > sum'],
      { items: numbers(1000) },
    );
    expect(run).toMatchObject({ status: 'completed', output: { sum: (999 * 1000 * 1999) / 6 } });
    expect(all).toHaveLength(1002);
  });

  test('two lists in one run do not affect each other', async () => {
    const list = (id: string, by: number) =>
      node(id, 'for_each', {
        items: '{{ input.items }}',
        concurrency: 7,
        step: { type: 'transform', config: { expression: `item * ${by}` } },
      });
    const { run } = await b.run(
      [list('x', 1), list('y', 2), value('sum', '$sum(steps.x.output) + $sum(steps.y.output)')],
      ['x > sum', 'y > sum'],
      { items: numbers(50) },
    );
    expect(run.output).toEqual({ sum: 3 * 25 * 49 });
  });
});

test('ten thousand items complete in order; one more is refused and no item starts', async () => {
  const workflow = await b.publish([
    each({ type: 'transform', config: { expression: 'item * 2' } }, 1_000),
  ]);
  const [most, tooMany] = await Promise.all([
    b.start(workflow, { items: numbers(10_000) }),
    b.start(workflow, { items: numbers(10_001) }),
  ]);
  const { run, all } = await b.ended(tooMany.id);
  expect(run).toMatchObject({
    status: 'failed',
    error: { step_id: 'each', code: 'invalid_config' },
  });
  expect(all.map(({ item_index }) => item_index)).toEqual([0]);
  const done = await b.ended(most.id, 50_000);
  expect(done.run.status).toBe('completed');
  expect(done.run.output).toEqual({ each: numbers(10_000).map((n) => n * 2) });
  expect(done.all).toHaveLength(10_001);
});
