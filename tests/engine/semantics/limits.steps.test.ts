// Concurrency limits on the steps of a task queue that call other systems, in one run or in many. A step
// that waits or ends frees its slot. Steps without external calls need no slot.

import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../support/stack.ts';
import { node, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
let server: Server;
let url: string;
/** By path: the requests without a response, and their maximum so far. */
const seen = new Map<string, { open: Set<() => void>; most: number; total: number }>();

/** A path of the test server. The first `together` requests are answered at once, so a busy machine
 * reaches the limit too. */
const asked = (name: string, together = 1) => `/${name}-${together}-${randomUUID()}`;

beforeAll(async () => {
  server = createServer((request, response) => {
    const key = request.url?.split('?')[0] ?? '';
    const one = seen.get(key) ?? { open: new Set(), most: 0, total: 0 };
    seen.set(key, one);
    one.total += 1;
    const fails = key.startsWith('/flaky') && one.total <= 2;
    const answer = () => {
      one.open.delete(answer);
      response.writeHead(fails ? 503 : 200, { 'content-type': 'application/json' }).end('{}');
    };
    one.open.add(answer);
    one.most = Math.max(one.most, one.open.size);
    response.on('close', () => one.open.delete(answer));
    if (key.startsWith('/held') || one.most < Number(key.split('-')[1])) return;
    setTimeout(() => {
      for (const open of [...one.open]) open();
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

async function inQueue(steps: number, ...workflows: string[]): Promise<string> {
  const made = await b.developer
    .from('task_queues')
    .insert({
      name: `q-${randomUUID()}`,
      max_concurrent_workflows: null,
      max_concurrent_activities: steps,
    })
    .select('id')
    .single();
  if (made.error) throw new Error(made.error.message);
  const { error } = await b.developer
    .from('workflows')
    .update({ task_queue_id: made.data.id })
    .in('kebab_name', workflows);
  if (error) throw new Error(error.message);
  return made.data.id;
}

async function nothingLeft(queueId: string): Promise<void> {
  const { rows } = await b.db.query(
    `select step_run_id from stepbase_engine.step_backlog where queue_id = $1
     union all select step_run_id from stepbase_engine.step_slots where queue_id = $1`,
    [queueId],
  );
  expect(rows).toEqual([]);
}

const ask = (id: string, path: string, options = {}) =>
  node(id, 'http_request', { url: `${url}${path}` }, options);
const ids = Array.from({ length: 8 }, (_, i) => `ask${i}`);
/** start > ask0 … ask7 > end */
const fan = (path: string) =>
  b.publish(
    [value('start'), ...ids.map((id) => ask(id, path)), value('end', '"all"')],
    ids.flatMap((id) => [`start > ${id}`, `${id} > end`]),
  );

describe.concurrent('a task queue with a limit on steps', () => {
  test('delays branches of runs, and all of them are executed', async () => {
    const path = asked('fan', 3);
    const workflow = await fan(path);
    const queueId = await inQueue(3, workflow);
    const runs = await Promise.all(Array.from({ length: 4 }, () => b.start(workflow)));
    for (const { id } of runs) {
      const { run } = await b.ended(id);
      expect(run).toMatchObject({ status: 'completed', output: { end: 'all' } });
    }
    expect(seen.get(path)).toMatchObject({ total: 32, most: 3 });
    await nothingLeft(queueId);
  });

  test('counts items of a for_each, first steps and every attempt', async () => {
    const path = asked('flaky', 2);
    const again = { retry: { max_attempts: 4, delay_ms: 1 } };
    const step = { type: 'http_request', config: { url: `${url}${path}` } };
    const workflow = await b.publish([
      ask('first', path, again),
      node('each', 'for_each', { items: '{{ [1..20] }}', concurrency: 10, step }, again),
    ]);
    const queueId = await inQueue(2, workflow);
    const ended = await b.ended((await b.start(workflow)).id);
    expect(ended.run.status).toBe('completed');
    expect(ended.step('each').output).toHaveLength(20);
    expect(seen.get(path)?.most).toBe(2);
    expect(seen.get(path)?.total).toBeGreaterThan(21);
    await nothingLeft(queueId);
  });

  test('steps without external calls, and waiting steps, need no slot', async () => {
    const path = asked('held');
    const busy = await b.publish([ask('ask', path)]);
    const inside = await b.publish(
      [value('a'), node('d', 'delay', { ms: 1 }), value('z', '"through"')],
      ['a > d', 'd > z'],
    );
    const queueId = await inQueue(1, busy, inside);
    const holder = await b.start(busy);
    const requests = await waitFor('the request', () => seen.get(path));
    const { run } = await b.ended((await b.start(inside)).id);
    expect(run.output).toEqual({ z: 'through' });
    for (const answer of requests.open) answer();
    await b.ended(holder.id);
    await nothingLeft(queueId);
  });

  test('a run that is cancelled or paused while its steps wait for a slot delays no other run', async () => {
    const path = asked('held');
    const workflow = await fan(path);
    const queueId = await inQueue(1, workflow);
    const cancelled = await b.start(workflow);
    const requests = await waitFor('the first request', () => seen.get(path));
    const paused = await b.start(workflow);
    await b.stepIs(paused.id, 'ask0', 'ready');
    await b.developer.rpc('pause_run', { run_id: paused.id });
    const third = await b.start(workflow);
    await b.stepIs(third.id, 'ask0', 'ready');
    await b.developer.rpc('cancel_run', { run_id: cancelled.id });
    expect((await b.ended(cancelled.id)).run.status).toBe('cancelled');
    const answering = setInterval(() => {
      for (const answer of requests.open) answer();
    }, 5);
    try {
      expect((await b.ended(third.id)).run.status).toBe('completed');
      await b.developer.rpc('resume_run', { run_id: paused.id });
      expect((await b.ended(paused.id)).run.status).toBe('completed');
    } finally {
      clearInterval(answering);
    }
    expect(requests.most).toBe(1);
    await nothingLeft(queueId);
  });

  test('steps follow a limit as soon as it is set, raised or removed', async () => {
    const path = asked('held');
    const workflow = await fan(path);
    const queueId = await inQueue(1, workflow);
    const { id } = await b.start(workflow);
    const requests = await waitFor('the first request', () => seen.get(path));
    const change = async (limit: number | null) => {
      const { error } = await b.developer
        .from('task_queues')
        .update({ max_concurrent_activities: limit })
        .eq('id', queueId);
      if (error) throw new Error(error.message);
    };
    await change(3);
    await waitFor('three requests are open', () => requests.open.size === 3);
    await change(null);
    await waitFor('all requests are open', () => requests.open.size === 8);
    for (const answer of requests.open) answer();
    expect((await b.ended(id)).run.status).toBe('completed');
    await nothingLeft(queueId);
  });

  test('a rerun from a limited step waits for a slot', async () => {
    const path = asked('rerun', 2);
    const workflow = await fan(path);
    const queueId = await inQueue(2, workflow);
    const { run } = await b.ended((await b.start(workflow)).id);
    const again = await b.developer
      .rpc('rerun', { run_id: run.id, from_step: 'start' })
      .single<{ id: string }>();
    const part = await b.developer
      .rpc('rerun', { run_id: run.id, from_step: 'ask3' })
      .single<{ id: string }>();
    for (const { data } of [again, part]) {
      expect((await b.ended(data?.id ?? '')).run.status).toBe('completed');
    }
    expect(seen.get(path)).toMatchObject({ total: 17, most: 2 });
    await nothingLeft(queueId);
  });
});
