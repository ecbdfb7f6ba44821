// Work queues: runs push items for other runs; each item is taken once, in the order of the queue.

import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../../../types/database.ts';
import { waitFor } from '../../support/stack.ts';
import { codeOf, type Node, node, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

const push = (queue: string, more: Record<string, Json> = {}): Node =>
  node('push', 'work_queue_push', { queue, item: '{{ input.item }}', ...more });
const pop = (queue: string, more: Record<string, Json> = {}): Node =>
  node('pop', 'work_queue_pop', { queue, ...more });

interface Queue {
  producer: string;
  consumer: string;
  id: string;
  name: string;
}

/** A queue of a consumer workflow, and a producer that names it from outside. */
async function makeQueue(
  options: Record<string, unknown> = {},
  popMore: Record<string, Json> = {},
  pushMore: Record<string, Json> = {},
): Promise<Queue> {
  const name = `q${randomUUID().slice(0, 8)}`;
  const consumer = await b.publish(
    [pop(name, popMore), value('got', 'steps.pop.output'), value('none', '"none"')],
    ['pop > got : item', 'pop > none : empty'],
  );
  const workflow = await b.developer
    .from('workflows')
    .select('id')
    .eq('kebab_name', consumer)
    .single();
  const made = await b.developer
    .from('work_queues')
    .insert({ workflow_id: workflow.data?.id, queue_name: name, ...options })
    .select('id')
    .single();
  if (made.error) throw new Error(made.error.message);
  const producer = await b.publish([push(`${consumer}/${name}`, pushMore)]);
  return { producer, consumer, id: made.data.id, name };
}

const produce = async (queue: Queue, item: Json, input: Record<string, Json> = {}) =>
  await b.ended((await b.start(queue.producer, { item, ...input })).id);
const consume = async (queue: Queue) => await b.ended((await b.start(queue.consumer)).id);

async function items(queue: Queue) {
  const { data } = await b.developer
    .from('work_queue_items')
    .select('status, item, taken_by_run_id')
    .eq('work_queue_id', queue.id)
    .order('created_at');
  return data ?? [];
}

/** Resolves when another connection waits for a lock of this one, or when `done` is true. */
async function waitedFor(db: pg.ClientBase, done?: () => Promise<boolean>): Promise<void> {
  const { rows } = await db.query<{ pid: number }>('select pg_backend_pid() as pid');
  await waitFor('somebody waits', async () => {
    const { rowCount } = await b.db.query(
      'select from pg_stat_activity a where $1 = any(pg_blocking_pids(a.pid))',
      [rows[0]?.pid],
    );
    return (rowCount ?? 0) > 0 || (await done?.());
  });
}

describe('work queues', () => {
  test.each([
    ['fifo', [1, 2, 3]],
    ['lifo', [3, 2, 1]],
    ['priority', [2, 3, 1]],
  ])('%s decides which item comes next', async (ordering, expected) => {
    const queue = await makeQueue({ ordering }, {}, { priority: '{{ input.urgency }}' });
    for (const [item, urgency] of [
      [1, 0],
      [2, 9],
      [3, 5],
    ] as const) {
      await produce(queue, item, { urgency });
    }
    const got: unknown[] = [];
    for (let i = 0; i < 3; i += 1) got.push((await consume(queue)).step('got').output);
    expect(got).toEqual(expected);
  });

  test('a pop from an empty queue waits for the next item', async () => {
    const queue = await makeQueue();
    const { id } = await b.start(queue.consumer);
    await b.stepIs(id, 'pop', 'waiting');
    await produce(queue, { sku: 'a' });
    const { run, statuses } = await b.ended(id);
    expect(run.status).toBe('completed');
    expect(statuses).toEqual({ pop: 'completed', got: 'completed', none: 'skipped' });
    expect(run.context).toMatchObject({ got: { sku: 'a' } });
  });

  test('the pop that has waited longest is served first', async () => {
    const queue = await makeQueue();
    const first = await b.start(queue.consumer);
    await b.stepIs(first.id, 'pop', 'waiting');
    const second = await b.start(queue.consumer);
    await b.stepIs(second.id, 'pop', 'waiting');
    await produce(queue, 'one');
    expect((await b.ended(first.id)).step('got').output).toBe('one');
    await produce(queue, 'two');
    expect((await b.ended(second.id)).step('got').output).toBe('two');
  });

  test('a pop that does not wait takes the handle empty', async () => {
    const queue = await makeQueue({}, { wait: false });
    const { statuses } = await consume(queue);
    expect(statuses).toEqual({ pop: 'completed', got: 'skipped', none: 'completed' });
  });

  test('a pop that times out takes its timeout edge', async () => {
    const name = `q${randomUUID().slice(0, 8)}`;
    const queue = await makeQueue();
    const workflow = await b.publish(
      [pop(`${queue.consumer}/${queue.name}`, { timeout_ms: 100 }), value('late', '"late"')],
      ['pop > late : timeout'],
    );
    const { run } = await b.ended((await b.start(workflow, { name })).id);
    expect(run).toMatchObject({ status: 'completed', output: { late: 'late' } });
  });

  test('thirty concurrent pops of thirty items take each item once', async () => {
    const queue = await makeQueue();
    const numbers = Array.from({ length: 30 }, (_, n) => n);
    const takers = await Promise.all(numbers.map(() => b.start(queue.consumer)));
    await Promise.all(numbers.map((n) => b.start(queue.producer, { item: n })));
    const got = await Promise.all(
      takers.map(async ({ id }) => (await b.ended(id)).step('got').output),
    );
    expect(got.map(Number).sort((x, y) => x - y)).toEqual(numbers);
    await waitFor('all items are done', async () =>
      (await items(queue)).every((i) => i.status === 'done'),
    );
  });

  test('an item is done when its run completes, and failed when its run fails', async () => {
    const queue = await makeQueue();
    const breaks = await b.publish(
      [pop(`${queue.consumer}/${queue.name}`), value('bad', '$error("no")')],
      ['pop > bad'],
    );
    await produce(queue, 1);
    await b.ended((await b.start(breaks)).id);
    await produce(queue, 2);
    await consume(queue);
    await waitFor('both items have ended', async () => {
      const statuses = (await items(queue)).map(({ status }) => status);
      return JSON.stringify(statuses) === '["failed","done"]';
    });
  });

  test('an item that the queue refuses fails the step', async () => {
    const queue = await makeQueue({
      max_size: 1,
      work_item_schema: { type: 'object', required: ['sku'] },
    });
    const wrong = await produce(queue, { name: 'x' });
    expect(wrong.run).toMatchObject({ status: 'failed', error: { code: 'invalid_input' } });
    expect((await produce(queue, { sku: 'a' })).run.status).toBe('completed');
    const full = await produce(queue, { sku: 'b' });
    expect(full.run).toMatchObject({ status: 'failed', error: { code: 'limit_reached' } });
    const unknown = await b.run([push('nowhere')], [], { item: 1 });
    expect(unknown.run).toMatchObject({ status: 'failed', error: { code: 'not_found' } });
    expect(await items(queue)).toHaveLength(1);
  });

  test('a push to a full queue succeeds on a retry', async () => {
    const queue = await makeQueue({ max_size: 1 });
    await produce(queue, 1);
    const patient = await b.publish([
      node(
        'push',
        'work_queue_push',
        { queue: `${queue.consumer}/${queue.name}`, item: 2 },
        { retry: { max_attempts: 50, backoff: 'fixed', delay_ms: 50 } },
      ),
    ]);
    const { id } = await b.start(patient);
    await b.stepIs(id, 'push', 'waiting');
    await consume(queue);
    expect((await b.ended(id)).run.status).toBe('completed');
    expect((await consume(queue)).step('got').output).toBe(2);
  });

  test('a deduplicating queue keeps one of several equal items', async () => {
    const queue = await makeQueue({ deduplicate: true });
    const one = await produce(queue, { sku: 'a' });
    const two = await produce(queue, { sku: 'a' });
    expect(two.step('push').output).toEqual(one.step('push').output);
    expect(await items(queue)).toHaveLength(1);
  });

  test('a run that has ended cannot pop, and the item of a run that ends during its pop becomes failed', async () => {
    const queue = await makeQueue();
    await produce(queue, 'one');
    const { id } = await b.start(
      await b.publish([node('hold', 'wait_for_signal', { signal_name: 'go' })]),
    );
    await b.stepIs(id, 'hold', 'waiting');
    const pops = (db: Pick<pg.ClientBase, 'query'>, step: string) =>
      db.query('select stepbase_engine.pop_from_step($1, $2, $3)', [
        id,
        `${id}:${step}:0`,
        `${queue.consumer}/${queue.name}`,
      ]);
    const db = await b.db.connect();
    try {
      await db.query('begin');
      await pops(db, 'pop');
      const cancelled = b.developer.rpc('cancel_run', { run_id: id }).then();
      await waitedFor(db);
      await db.query('commit');
      expect((await cancelled).error).toBeNull();
    } finally {
      db.release();
    }
    await b.ended(id);
    await waitFor(
      'the item that it took has failed',
      async () => (await items(queue))[0]?.status === 'failed',
    );
    await produce(queue, 'two');
    await expect(
      b.db.connect().then((other) => pops(other, 'late').finally(() => other.release())),
    ).rejects.toThrow('The run has ended');
    expect((await items(queue)).map(({ status }) => status)).toEqual(['failed', 'queued']);
  });

  test('a step whose run was not locked for a delivery gets its item in the next delivery', async () => {
    const queue = await makeQueue();
    const [one, two] = await Promise.all([b.start(queue.consumer), b.start(queue.consumer)]);
    for (const { id } of [one, two]) await b.stepIs(id, 'pop', 'waiting');
    // Inserted without a notification.
    await b.db.query(
      `insert into stepbase.work_queue_items (app_code, work_queue_id, item)
       select q.app_code, q.id, to_jsonb(i) from stepbase.work_queues q, generate_series(1, 2) i
       where q.id = $1`,
      [queue.id],
    );
    await b.db.query('select stepbase_engine.deliver_items($1, array[$2::uuid])', [
      queue.id,
      two.id,
    ]);
    const got = await Promise.all([one, two].map(async ({ id }) => await b.ended(id)));
    expect(new Set(got.map((run) => run.step('got').output))).toEqual(new Set([1, 2]));
  });

  test('an item whose other taker rolls back goes to the waiting step', async () => {
    const queue = await makeQueue();
    const { id } = await b.start(queue.consumer);
    await b.stepIs(id, 'pop', 'waiting');
    const db = await b.db.connect();
    try {
      // Another transaction takes the item and will roll back: until then no one else sees a free item.
      await b.db.query(
        `insert into stepbase.work_queue_items (app_code, work_queue_id, item)
         select q.app_code, q.id, '"late"' from stepbase.work_queues q where q.id = $1`,
        [queue.id],
      );
      await db.query('begin');
      await db.query('select stepbase_engine.pop_work_item($1)', [queue.id]);
      await b.db.query(
        'select stepbase_engine.notify_work_queue(q.app_code, q.id) from stepbase.work_queues q where q.id = $1',
        [queue.id],
      );
      await waitedFor(db, async () => {
        const { rowCount } = await b.db.query(
          'select from stepbase.outbox where aggregate_id = $1 and published_at is null',
          [queue.id],
        );
        return rowCount === 0;
      });
      await db.query('rollback');
    } finally {
      db.release();
    }
    expect((await b.ended(id)).step('got').output).toBe('late');
  });

  test('the generated signal of a queue pushes items, and its generated query shows the queue', async () => {
    const queue = await makeQueue({ work_item_schema: { type: 'object', required: ['sku'] } });
    const { id } = await b.start(queue.consumer);
    await b.stepIs(id, 'pop', 'waiting');
    const state = await b.developer.rpc('query_run', {
      run_id: id,
      query_name: `${queue.name}_state`,
    });
    expect(state.data).toMatchObject({ queue: queue.name, size: 0, waiting_steps: 1 });
    const send = (payload: Json) =>
      b.developer.rpc('send_signal', { run_id: id, signal_name: `${queue.name}_push`, payload });
    expect(codeOf(await send({ name: 'x' }))).toBe('SB422 invalid_input');
    expect((await send({ sku: 'a' })).error).toBeNull();
    expect((await b.ended(id)).step('got').output).toEqual({ sku: 'a' });
  });

  test('the signal accepts the items that the queue accepts, also after a change', async () => {
    const queue = await makeQueue({ work_item_schema: { type: 'object', required: ['sku'] } });
    const holding = await b.start(queue.consumer);
    const waiting = await b.stepIs(holding.id, 'pop', 'waiting');
    const changed = await b.developer
      .from('work_queues')
      .update({ work_item_schema: { type: 'object', required: ['ean'] } })
      .eq('id', queue.id);
    expect(changed.error).toBeNull();
    const send = (payload: Json) =>
      b.developer.rpc('send_signal', {
        run_id: waiting.run_id,
        signal_name: `${queue.name}_push`,
        payload,
      });
    expect(codeOf(await send({ sku: 'a' }))).toBe('SB422 invalid_input');
    expect(codeOf(await send({ ean: 'a' }))).toBe('none');
    expect((await b.ended(holding.id)).run.output).toEqual({ got: { ean: 'a' } });
  });

  test('a step that waits for an item of a queue that is deleted fails', async () => {
    const queue = await makeQueue();
    const { id } = await b.start(queue.consumer);
    await b.stepIs(id, 'pop', 'waiting');
    const gone = await b.developer.from('work_queues').delete().eq('id', queue.id);
    expect(gone.error).toBeNull();
    expect((await b.ended(id)).run).toMatchObject({
      status: 'failed',
      error: { code: 'not_found' },
    });
  });
});
