// Flow controls with a worker: runs that wait for a key, a time, or further starts begin without a request.

import { beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../support/stack.ts';
import { node, type Run, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

async function controlled(control: Record<string, unknown>, expression: string): Promise<string> {
  const workflow = await b.publish([value('end', expression)]);
  await addControl(workflow, control);
  return workflow;
}

async function idOf(workflow: string): Promise<string> {
  const { data } = await b.developer
    .from('workflows')
    .select('id')
    .eq('kebab_name', workflow)
    .single<{ id: string }>();
  return data?.id ?? '';
}

async function addControl(workflow: string, control: Record<string, unknown>): Promise<void> {
  const { error } = await b.developer
    .from('workflow_flow_controls')
    .insert({ workflow_id: await idOf(workflow), ...control });
  if (error) throw new Error(error.message);
}

async function runsOf(workflow: string): Promise<Run[]> {
  const { data } = await b.developer
    .from('runs')
    .select('*')
    .eq('workflow_id', await idOf(workflow))
    .order('created_at');
  return (data ?? []) as Run[];
}

describe.concurrent('a worker', () => {
  test('starts the next run of a concurrency key when a run of the key ends', async () => {
    const workflow = await b.publish(
      [node('hold', 'wait_for_signal', { signal_name: 'go' }), value('end', '1')],
      ['hold > end'],
    );
    await addControl(workflow, { kind: 'concurrency', key_path: '$.customer', max_count: 1 });
    const first = await b.start(workflow, { customer: 1 });
    await b.stepIs(first.id, 'hold', 'waiting');
    const next = await b.start(workflow, { customer: 1 });
    const other = await b.start(workflow, { customer: 2 });
    await b.stepIs(other.id, 'hold', 'waiting');
    const { rows } = await b.db.query('select from stepbase.step_runs where run_id = $1', [
      next.id,
    ]);
    expect(rows).toEqual([]);
    for (const { id } of [first, next, other]) {
      await b.stepIs(id, 'hold', 'waiting');
      await b.developer.rpc('send_signal', { run_id: id, signal_name: 'go' });
      expect((await b.ended(id)).run.status).toBe('completed');
    }
  });

  test('starts each throttled run when its time has come', async () => {
    const workflow = await controlled({ kind: 'throttle', max_count: 5, period_seconds: 1 }, '1');
    const runs = [];
    for (let i = 0; i < 3; i += 1) runs.push(await b.start(workflow));
    for (const { id } of runs) expect((await b.ended(id)).run.status).toBe('completed');
  });

  test('starts one debounced run for many events, with the last event', async () => {
    const workflow = await controlled(
      { kind: 'debounce', period_seconds: 3600, key_path: '$.event.payload.doc' },
      'input.event.payload.n',
    );
    const event = `changed.${workflow}`;
    const { error } = await b.developer
      .from('workflow_triggers')
      .insert({ workflow_id: await idOf(workflow), trigger_type: 'event', event_name: event });
    expect(error).toBeNull();
    for (const n of [1, 2, 3]) {
      await b.developer.rpc('emit_event', { name: event, payload: { doc: 'a', n } });
    }
    await waitFor('the run', async () => {
      const { rows } = await b.db.query(
        "select from stepbase.outbox where event_type = 'event.emitted' and payload ->> 'name' = $1 and published_at is null",
        [event],
      );
      return rows.length === 0 && (await runsOf(workflow)).length > 0;
    });
    const runs = await runsOf(workflow);
    expect(runs).toHaveLength(1);
    // The period is over.
    await b.db.query('update stepbase.runs set start_at = stepbase_engine.now() where id = $1', [
      runs[0]?.id,
    ]);
    await b.db.query("notify stepbase, 'due'");
    const { run } = await b.ended(String(runs[0]?.id));
    expect(run.output).toEqual({ end: 3 });
  });

  test('starts a full batch at once, with all items', async () => {
    const workflow = await controlled(
      { kind: 'batch', max_count: 3, timeout_seconds: 3600 },
      '$sum(input.items.n)',
    );
    const ids = [];
    for (const n of [1, 20, 300]) ids.push((await b.start(workflow, { n })).id);
    expect(new Set(ids).size).toBe(1);
    expect((await b.ended(String(ids[0]))).run.output).toEqual({ end: 321 });
  });
});
