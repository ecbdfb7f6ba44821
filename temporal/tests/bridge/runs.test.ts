// A run in Temporal is a run: started, watched, decided, paused, cancelled and compensated by the same calls, with the
// rows, events, messages and context that the audit of every run demands.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Node, node, type Run, value } from '../../../tests/engine/support.ts';
import { waitFor } from '../../../tests/support/stack.ts';
import type { RunningProcess } from '../../processes.ts';
import { bridgeTest, startBridge } from './support.ts';

const t = bridgeTest();
let bridge: RunningProcess;
beforeAll(async () => {
  bridge = await startBridge(t.env);
});
afterAll(async () => {
  expect(await bridge.stop()).toBe(0);
});

const approval = (id: string) => node(id, 'wait_for_approval', { title: 'Go?' });
const delay = (id: string, ms: number) => node(id, 'delay', { ms });
/** A step with a compensation. */
const undoable = (id: string): Node => {
  const made = value(id, `"${id}"`);
  const compensate = { type: 'transform', config: { expression: `"undone ${id}"` } };
  return { ...made, data: { ...(made.data as object), compensate } };
};

test('steps, an approval, a delay and a list, from the start to the output', async () => {
  const each = node('each', 'for_each', {
    items: '{{ input.numbers }}',
    concurrency: 2,
    step: { type: 'transform', config: { expression: 'item * 10' } },
  });
  const { names } = await t.publish({
    nodes: [
      value('first', 'input.n + 1'),
      approval('ask'),
      each,
      delay('pause', 50),
      value('no'),
      value('last', '{"sum": $sum(steps.each.output), "first": steps.first.output}'),
    ],
    lines: [
      'first > ask',
      'ask > each : approved',
      'ask > no : rejected',
      'each > pause',
      'pause > last',
    ],
  });
  const started = await t.start(names[0] ?? '', { n: 1, numbers: [1, 2, 3] });
  expect(started).toMatchObject({ status: 'pending', execution_engine: 'temporal' });
  const task = await t.app.stepIs(started.id, 'ask', 'waiting');
  const decided = await t.app.admin.rpc('decide_approval', {
    step_run_id: task.id,
    approved: true,
  });
  expect(decided.error).toBeNull();
  expect(decided.data).toMatchObject({ status: 'completed' });
  const again = await t.app.admin.rpc('decide_approval', { step_run_id: task.id, approved: false });
  expect(again.error?.code).toBe('SB409');
  const { run, statuses, all } = await t.ended(started);
  expect(run).toMatchObject({
    status: 'completed',
    output: { last: { sum: 60, first: 2 } },
    context: { first: 2, each: [10, 20, 30] },
  });
  expect(statuses).toMatchObject({ ask: 'completed', no: 'skipped', last: 'completed' });
  expect(all.filter(({ item_index: item }) => item > 0)).toHaveLength(3);
});

test('a failure takes its error edge after its attempts, and an uncaught one compensates', async () => {
  const { names } = await t.publish(
    {
      nodes: [
        value('fails', '$error("no")', {
          retry: { max_attempts: 3, backoff: 'fixed', delay_ms: 1 },
        }),
        value('caught', 'steps.fails.output.error.message'),
      ],
      lines: ['fails > caught : error'],
    },
    {
      nodes: [undoable('a'), undoable('b'), value('fails', '$error("no")')],
      lines: ['a > b', 'b > fails'],
    },
  );
  const [caught, compensated] = await Promise.all(names.map((name) => t.start(name)));
  if (!caught || !compensated) throw new Error('no run');
  const first = await t.ended(caught);
  expect(first.run.status).toBe('completed');
  expect(first.all.filter(({ step_id: id }) => id === 'fails').map(({ status }) => status)).toEqual(
    first.all.filter(({ step_id: id }) => id === 'fails').map(() => 'failed'),
  );
  const second = await t.ended(compensated);
  expect(second.run).toMatchObject({ status: 'failed', error: { step_id: 'fails' } });
  const undone = second.all.filter(({ item_index: item }) => item === -1);
  expect(undone.map(({ step_id: id, status, output }) => [id, status, output])).toEqual([
    ['a', 'completed', 'undone a'],
    ['b', 'completed', 'undone b'],
  ]);
});

test('signals, a child, pause and resume, and a deadline', async () => {
  const { names } = await t.publish({ nodes: [value('inside', '"from the child"')] });
  const child = names[0] ?? '';
  const parent = await t.publish({
    nodes: [
      node('signal', 'wait_for_signal', { signal_name: 'go' }),
      node('child', 'child_workflow', { workflow: child, input: {}, wait: true }),
      node('never', 'wait_for_signal', { signal_name: 'never', timeout_ms: 200 }),
      value('late', '"late"'),
    ],
    lines: ['signal > child', 'child > never', 'never > late : timeout'],
  });
  const started = await t.start(parent.names[0] ?? '');
  await t.app.stepIs(started.id, 'signal', 'waiting');
  const paused = await t.app.developer
    .rpc('pause_run', { run_id: started.id })
    .single<{ status: string }>();
  expect(paused.data?.status).toBe('paused');
  const sent = await t.app.developer.rpc('send_signal', {
    run_id: started.id,
    signal_name: 'go',
    payload: { n: 1 },
  });
  expect(sent.error).toBeNull();
  const resumed = await t.app.developer
    .rpc('resume_run', { run_id: started.id })
    .single<{ status: string }>();
  expect(resumed.data?.status).toBe('running');
  const { run, statuses } = await t.ended(started);
  expect(run).toMatchObject({ status: 'completed', output: { late: 'late' } });
  expect(statuses).toMatchObject({ signal: 'completed', child: 'completed', never: 'failed' });
});

test('a cancellation stops the run at once and compensates', async () => {
  const { names } = await t.publish({
    nodes: [undoable('done'), approval('ask')],
    lines: ['done > ask'],
  });
  const started = await t.start(names[0] ?? '');
  await t.app.stepIs(started.id, 'ask', 'waiting');
  const cancelled = await t.app.developer.rpc('cancel_run', {
    run_id: started.id,
    reason: 'enough',
  });
  expect(cancelled.error).toBeNull();
  const { run, all } = await t.ended(started);
  expect(run).toMatchObject({ status: 'cancelled', error: { message: 'enough' } });
  expect(all.find(({ item_index: item }) => item === -1)).toMatchObject({ status: 'completed' });
});

test('the end of a run ends its children in Temporal as their parent_close_policy says', async () => {
  const held = await t.publish({
    nodes: [undoable('done'), node('hold', 'wait_for_signal', { signal_name: 'go' })],
    lines: ['done > hold'],
  });
  const workflow = held.names[0] ?? '';
  const policies = ['terminate', 'request_cancel', 'abandon'];
  const { names } = await t.publish({
    nodes: policies.map((policy) =>
      node(policy, 'child_workflow', { workflow, input: {}, parent_close_policy: policy }),
    ),
  });
  const parent = await t.start(names[0] ?? '');
  const children = await Promise.all(
    policies.map(async (policy) => {
      const { id } = await t.app.stepIs(parent.id, policy, 'waiting');
      const { data, error } = await t.app.developer
        .from('runs')
        .select('*')
        .eq('parent_step_run_id', id)
        .single<Run>();
      if (error) throw new Error(error.message);
      expect(data).toMatchObject({ parent_close_policy: policy, execution_engine: 'temporal' });
      await t.app.stepIs(data.id, 'hold', 'waiting');
      return data.id;
    }),
  );
  const cancelled = await t.app.developer.rpc('cancel_run', { run_id: parent.id });
  expect(cancelled.error).toBeNull();
  const [terminated = '', requested = '', abandoned = ''] = children;
  for (const id of [terminated, requested]) {
    const { run } = await t.ended({ id });
    expect(run).toMatchObject({ status: 'cancelled', error: { code: 'parent_closed' } });
    // Its workflow has ended, too.
    await waitFor('the history is closed', async () => {
      const { data } = await t.app.developer
        .from('temporal_runs')
        .select('closed_at')
        .eq('run_id', id)
        .single();
      return data?.closed_at !== null;
    });
  }
  const sent = await t.app.developer.rpc('send_signal', { run_id: abandoned, signal_name: 'go' });
  expect(sent.error).toBeNull();
  expect((await t.ended({ id: abandoned })).run.status).toBe('completed');
  expect((await t.ended(parent)).run.status).toBe('cancelled');
});

test('a repeated idempotency key starts one run, and a rerun from a step takes results over', async () => {
  const { names } = await t.publish({
    nodes: [value('a', 'input.n'), value('b', 'steps.a.output + 1')],
    lines: ['a > b'],
  });
  const name = names[0] ?? '';
  const [one, two] = await Promise.all([
    t.app.start(name, { n: 1 }, { idempotency_key: `k-${name}` }),
    t.app.start(name, { n: 1 }, { idempotency_key: `k-${name}` }),
  ]);
  expect(one.id).toBe(two.id);
  await t.ended(one);
  const rerun = await t.app.developer
    .rpc('rerun', { run_id: one.id, from_step: 'b' })
    .single<{ id: string }>();
  if (rerun.error) throw new Error(rerun.error.message);
  const { run } = await t.ended(rerun.data);
  expect(run).toMatchObject({ status: 'completed', output: { b: 2 } });
  const { data } = await t.app.developer
    .from('temporal_runs')
    .select('closed_at, problem, workflow_compilations(execution_count)')
    .eq('run_id', rerun.data.id)
    .single();
  expect(data?.problem).toBeNull();
});
