// Compensation: before a run ends without completing, its completed steps are undone in reverse order.

import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Json } from '../../../types/database.ts';
import { waitFor } from '../../support/stack.ts';
import {
  codeOf,
  failing,
  type Node,
  node,
  type Run,
  type TestApp,
  testApp,
  value,
} from '../support.ts';

let b: TestApp;
let server: Server;
let url: string;
/** Request paths in their order of arrival. */
let asked: string[] = [];
let held: ServerResponse[] = [];
const failures = new Map<string, number>();

beforeAll(async () => {
  b = await testApp();
  server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    if (path.startsWith('/hold')) {
      held.push(response);
      return;
    }
    const left = failures.get(path) ?? 0;
    if (left > 0) failures.set(path, left - 1);
    response.statusCode = left > 0 ? 503 : 200;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ path }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  asked = [];
  held = [];
});

const call = (id: string) => ({ type: 'http_request', config: { url: `${url}/${id}` } });

/** A step that calls /do-<id>, undone by a call of /undo-<id>. */
function doing(id: string, more: Record<string, Json> = {}): Node {
  const { type, config } = call(`do-${id}`);
  return {
    id,
    type,
    data: { config, compensate: { ...call(`undo-${id}`), ...more } } as Json,
  };
}

const undone = () => asked.filter((path) => path.startsWith('/undo'));

describe('compensation', () => {
  test('undoes completed steps in reverse order before the run fails', async () => {
    const { run, all } = await b.run(
      [doing('a'), doing('b'), doing('c'), failing('bad'), doing('never')],
      ['a > b', 'b > c', 'c > bad', 'bad > never'],
    );
    expect(run).toMatchObject({
      status: 'failed',
      pending_outcome: null,
      error: { step_id: 'bad' },
    });
    expect(run.error).not.toHaveProperty('compensation_failed');
    expect(undone()).toEqual(['/undo-c', '/undo-b', '/undo-a']);
    const compensations = all.filter(({ item_index }) => item_index === -1);
    expect(compensations.map(({ step_id, status }) => [step_id, status])).toEqual([
      ['a', 'completed'],
      ['b', 'completed'],
      ['c', 'completed'],
    ]);
    const events = await b.db.query<{ event_type: string }>(
      `select event_type from stepbase.run_events where run_id = $1 and step_id is null order by seq`,
      [run.id],
    );
    expect(events.rows.map(({ event_type }) => event_type)).toEqual([
      'run.created',
      'run.started',
      'compensation.started',
      'run.failed',
    ]);
  });

  test('undoes the successors of a step before the step, in a graph with branches', async () => {
    const { run } = await b.run(
      [doing('root'), doing('left'), doing('right'), doing('join'), failing('bad')],
      ['root > left', 'root > right', 'left > join', 'right > join', 'join > bad'],
    );
    expect(run.status).toBe('failed');
    const order = undone();
    expect(order).toHaveLength(4);
    expect(order[0]).toBe('/undo-join');
    expect(order[3]).toBe('/undo-root');
  });

  test('reads the output of its step and of other steps', async () => {
    const { run } = await b.run(
      [
        value('id', '"x7"'),
        {
          id: 'book',
          type: 'transform',
          data: {
            config: { expression: '{"booking": "b1"}' },
            compensate: {
              type: 'http_request',
              config: { url: `${url}/undo/{{ steps.book.output.booking }}/{{ steps.id.output }}` },
            },
          },
        },
        failing('bad'),
      ],
      ['id > book', 'book > bad'],
    );
    expect(run.status).toBe('failed');
    expect(undone()).toEqual(['/undo/b1/x7']);
  });

  test('is retried by its own policy; one that fails for good does not stop the others', async () => {
    failures.set('/undo-a', 2);
    failures.set('/undo-b', 99);
    const retry = { max_attempts: 3, backoff: 'fixed', delay_ms: 10 };
    const { run, all } = await b.run(
      [doing('a', { retry }), doing('b', { retry }), doing('c'), failing('bad')],
      ['a > b', 'b > c', 'c > bad'],
    );
    expect(undone()).toEqual(['/undo-c', ...Array(3).fill('/undo-b'), ...Array(3).fill('/undo-a')]);
    expect(run.status).toBe('failed');
    expect(run.error).toMatchObject({
      step_id: 'bad',
      compensation_failed: [{ step_id: 'b', error: { code: 'http_server_error' } }],
    });
    expect(
      all
        .filter(({ item_index, step_id }) => item_index === -1 && step_id === 'a')
        .map(({ attempt, status }) => [attempt, status]),
    ).toEqual([
      [1, 'failed'],
      [2, 'failed'],
      [3, 'completed'],
    ]);
  });

  test('a cancelled run is compensated, and a second cancel does not skip this', async () => {
    const holding = {
      id: 'a',
      type: 'http_request',
      data: { config: { url: `${url}/do-a` }, compensate: call('hold') },
    };
    const { id } = await b.start(
      await b.publish(
        [holding as Node, node('wait', 'wait_for_signal', { signal_name: 'go' })],
        ['a > wait'],
      ),
    );
    await b.stepIs(id, 'wait', 'waiting');
    const cancelled = await b.developer.rpc('cancel_run', { run_id: id, reason: 'no more' });
    expect(cancelled.data).toMatchObject({
      status: 'running',
      pending_outcome: { status: 'cancelled' },
    });
    await waitFor('the compensation is in flight', () => held.length === 1);
    const again = await b.developer.rpc('cancel_run', { run_id: id });
    expect(again.data).toMatchObject({
      status: 'running',
      pending_outcome: { status: 'cancelled' },
    });
    expect(codeOf(await b.developer.rpc('pause_run', { run_id: id }))).toBe('SB409 conflict');
    held[0]?.end('{}');
    const { run, statuses } = await b.ended(id);
    expect(run).toMatchObject({ status: 'cancelled', error: { message: 'no more' } });
    expect(statuses).toEqual({ a: 'completed', wait: 'cancelled' });
    expect(held).toHaveLength(1);
  });

  /** A run in compensation: the request /undo-b is open, /undo-a is next. */
  async function undoing(nodes: Node[], lines: string[]): Promise<string> {
    const { id } = await b.start(
      await b.publish(
        [
          doing('a'),
          {
            ...doing('b'),
            data: { config: call('do-b').config, compensate: call('hold') },
          } as Node,
          ...nodes,
        ],
        ['a > b', ...lines],
      ),
    );
    return id;
  }

  test('cancelling a run that is compensated after a failure is refused, with the pending outcome', async () => {
    const id = await undoing([failing('bad')], ['b > bad']);
    await waitFor('the compensation is in flight', () => held.length === 1);
    const cancelled = await b.developer.rpc('cancel_run', { run_id: id });
    expect(codeOf(cancelled)).toBe('SB409 conflict');
    expect(JSON.parse(cancelled.error?.details ?? '{}')).toMatchObject({
      pending_outcome: 'failed',
    });
    held[0]?.end('{}');
    expect((await b.ended(id)).run.status).toBe('failed');
    expect(undone()).toEqual(['/undo-a']);
  });

  test('a forced cancel ends it at once with the pending outcome and lists the compensations that did not run', async () => {
    const id = await undoing([failing('bad')], ['b > bad']);
    await waitFor('the compensation is in flight', () => held.length === 1);
    const forced = await b.developer.rpc('cancel_run', { run_id: id, force: true }).single<Run>();
    expect(forced.data).toMatchObject({ status: 'failed', pending_outcome: null });
    held[0]?.end('{}');
    const { run, all } = await b.ended(id);
    expect(run.error).toMatchObject({ step_id: 'bad', compensation_cancelled: ['b', 'a'] });
    expect(all.filter(({ item_index }) => item_index === -1).map((s) => s.status)).toEqual([
      'cancelled',
    ]);
    expect(undone()).toEqual([]);
    expect(codeOf(await b.developer.rpc('cancel_run', { run_id: id, force: true }))).toBe(
      'SB409 conflict',
    );
  });

  test('a forced cancel also ends one that waits for a person without a deadline', async () => {
    const asking: Node = {
      id: 'a',
      type: 'transform',
      data: {
        config: { expression: '1' },
        compensate: { type: 'user_task', config: { title: 'Take it back' } },
      },
    };
    const { id } = await b.start(
      await b.publish(
        [asking, node('wait', 'wait_for_signal', { signal_name: 'go' })],
        ['a > wait'],
      ),
    );
    await b.stepIs(id, 'wait', 'waiting');
    await b.developer.rpc('cancel_run', { run_id: id, reason: 'no more' });
    await waitFor('the task', async () => {
      const { rowCount } = await b.db.query(
        "select from stepbase.step_runs where run_id = $1 and item_index = -1 and status = 'waiting'",
        [id],
      );
      return rowCount === 1;
    });
    const again = await b.developer.rpc('cancel_run', { run_id: id }).single<Run>();
    expect(again.data).toMatchObject({
      status: 'running',
      pending_outcome: { status: 'cancelled' },
    });
    await b.developer.rpc('cancel_run', { run_id: id, force: true });
    const { run } = await b.ended(id);
    expect(run).toMatchObject({
      status: 'cancelled',
      error: { message: 'no more', compensation_cancelled: ['a'] },
    });
    expect(codeOf(await b.developer.rpc('cancel_run', { run_id: id, force: true }))).toBe('none');
  });

  test('does not run when the cancel is forced', async () => {
    const id = await undoing(
      [node('wait', 'wait_for_signal', { signal_name: 'go' })],
      ['b > wait'],
    );
    await b.stepIs(id, 'wait', 'waiting');
    const forced = await b.developer.rpc('cancel_run', { run_id: id, force: true }).single<Run>();
    expect(forced.data).toMatchObject({ status: 'cancelled' });
    await b.ended(id);
    expect(undone()).toEqual([]);
    expect(held).toEqual([]);
  });

  test('can be the task of a person', async () => {
    const asking: Node = {
      id: 'a',
      type: 'transform',
      data: {
        config: { expression: '1' },
        compensate: { type: 'user_task', config: { title: 'Take it back' } },
      },
    };
    const { id } = await b.start(await b.publish([asking, failing('bad')], ['a > bad']));
    const step_run_id = await waitFor('the task', async () => {
      const { data } = await b.developer
        .from('step_runs')
        .select('id')
        .eq('run_id', id)
        .eq('item_index', -1)
        .eq('status', 'waiting')
        .maybeSingle();
      return data?.id;
    });
    const done = await b.developer.rpc('complete_task', { step_run_id, output: {} });
    expect(done.error).toBeNull();
    expect((await b.ended(id)).run.status).toBe('failed');
  });

  test('the step of the parent continues only after its child is compensated', async () => {
    const child = await b.publish([doing('a'), failing('bad')], ['a > bad']);
    const { run } = await b.run(
      [node('call', 'child_workflow', { workflow: child }), value('caught', '"caught"')],
      ['call > caught : error'],
    );
    expect(run).toMatchObject({ status: 'completed', output: { caught: 'caught' } });
    expect(undone()).toEqual(['/undo-a']);
  });

  test('a rerun does not reuse the result of a compensated step', async () => {
    const { run } = await b.run([doing('a'), failing('bad')], ['a > bad']);
    const from = await b.developer.rpc('rerun', { run_id: run.id, from_step: 'bad' });
    expect(codeOf(from)).toBe('SB409 conflict');
    const whole = await b.developer.rpc('rerun', { run_id: run.id }).single<{ id: string }>();
    await b.ended(whole.data?.id ?? '');
    expect(asked).toEqual(['/do-a', '/undo-a', '/do-a', '/undo-a']);
    const redriven = await b.developer.rpc('redrive', { run_ids: [run.id], force: true });
    expect(redriven.error).toBeNull();
    await waitFor('the third round', () => asked.length === 6);
    expect(asked.slice(4)).toEqual(['/do-a', '/undo-a']);
  });

  test('does not run in a completed run, nor for a step without one', async () => {
    const good = await b.run([doing('a'), value('z')], ['a > z']);
    expect(good.run.status).toBe('completed');
    const plain = await b.run([value('a'), failing('bad')], ['a > bad']);
    expect(plain.all.map(({ item_index }) => item_index)).toEqual([0, 0]);
    expect(undone()).toEqual([]);
  });
});
