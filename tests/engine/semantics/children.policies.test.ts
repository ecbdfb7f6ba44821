// Child workflows: awaited or detached, their failure, and their end when the parent ends.

import { beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../support/stack.ts';
import { failing, node, type Run, type TestApp, testApp, value } from '../support.ts';
import { take } from '../tokens.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

const calls = (workflow: string, more: Record<string, string | boolean | object> = {}) =>
  node('call', 'child_workflow', { workflow, ...more } as never);
const holds = () => b.publish([node('hold', 'wait_for_signal', { signal_name: 'go' })]);

async function childOf(runId: string): Promise<Run> {
  return await waitFor('the child run', async () => {
    const { data } = await b.developer
      .from('runs')
      .select('*')
      .eq('parent_run_id', runId)
      .maybeSingle<Run>();
    return data ?? false;
  });
}

describe.concurrent('child workflows', () => {
  test('the parent continues with the output of the child', async () => {
    const child = await b.publish([value('double', 'input.n * 2')]);
    const { run } = await b.run(
      [
        calls(child, { input: { n: '{{ input.n }}' } }),
        value('next', 'steps.call.output.double + 1'),
      ],
      ['call > next'],
      { n: 20 },
    );
    expect(run).toMatchObject({ status: 'completed', output: { next: 41 } });
    const inner = await b.ended((await childOf(run.id)).id);
    expect(inner.run).toMatchObject({
      trigger_type: 'child',
      parent_run_id: run.id,
      trace_id: run.trace_id,
      created_by: run.created_by,
      input: { n: 20 },
    });
  });

  test('a child can start children', async () => {
    const third = await b.publish([value('v', 'input.n + 1')]);
    const second = await b.publish([calls(third, { input: { n: '{{ input.n + 1 }}' } })]);
    const { run } = await b.run([calls(second, { input: { n: 1 } })]);
    expect(run.output).toEqual({ call: { call: { v: 3 } } });
  });

  test('the parent does not wait for a detached child', async () => {
    const { run, step } = await b.run(
      [
        calls(await holds(), { wait: false, parent_close_policy: 'abandon' }),
        value('next', '"went on"'),
      ],
      ['call > next'],
    );
    expect(run).toMatchObject({ status: 'completed', output: { next: 'went on' } });
    const child = await childOf(run.id);
    expect(step('call').output).toEqual({ run_id: child.id });
    await b.stepIs(child.id, 'hold', 'waiting');
    await b.developer.rpc('send_signal', { run_id: child.id, signal_name: 'go' });
    expect((await b.ended(child.id)).run.status).toBe('completed');
  });

  test('a child that fails fails its step, which may have an error edge', async () => {
    const child = await b.publish([failing('bad')]);
    const [plain, caught] = await Promise.all([
      b.run([calls(child)]),
      b.run(
        [calls(child), value('repair', 'steps.call.output.error.code')],
        ['call > repair : error'],
      ),
    ]);
    expect(plain.run).toMatchObject({
      status: 'failed',
      error: { code: 'child_failed', step_id: 'call' },
    });
    expect(caught.run).toMatchObject({ status: 'completed', output: { repair: 'child_failed' } });
  });

  test.each([
    ['terminate', 'cancelled'],
    ['abandon', 'running'],
  ])('%s: after a step has timed out, its child is %s', async (policy, status) => {
    const name = await b.publish(
      [
        calls(await holds(), { timeout_ms: 300, parent_close_policy: policy } as never),
        node('go-on', 'wait_for_signal', { signal_name: 'end' }),
      ],
      ['call > go-on : timeout'],
    );
    const { id } = await b.start(name);
    const child = await childOf(id);
    await b.stepIs(id, 'go-on', 'waiting');
    if (status === 'cancelled') await b.ended(child.id);
    expect(await childOf(id)).toMatchObject(
      status === 'cancelled'
        ? { status, error: { code: 'parent_closed', message: 'The parent step ended' } }
        : { status },
    );
    await b.developer.rpc('send_signal', { run_id: id, signal_name: 'end' });
    expect((await b.ended(id)).run.status).toBe('completed');
    await b.developer.rpc('cancel_run', { run_id: child.id });
  });

  test('a child that is cancelled fails its step', async () => {
    const { id } = await b.start(await b.publish([calls(await holds())]));
    const child = await childOf(id);
    await b.developer.rpc('cancel_run', { run_id: child.id });
    expect((await b.ended(id)).run).toMatchObject({
      status: 'failed',
      error: { code: 'child_cancelled' },
    });
  });

  test('an unknown workflow, or an input that it rejects, fails the step', async () => {
    const strict = await b.publish([value('a')], [], {
      input_schema: { type: 'object', required: ['n'] },
    });
    const [missing, refused] = await Promise.all([
      b.run([calls('no-such-workflow')]),
      b.run([calls(strict, { input: {} })]),
    ]);
    for (const { run } of [missing, refused]) {
      expect(run).toMatchObject({ status: 'failed', error: { code: 'child_not_started' } });
    }
  });

  test('a child that cannot be started ends its run before the other children of the same batch start', async () => {
    const workflows = ['no-such-workflow', await holds()];
    const name = await b.publish(
      workflows.map((workflow, i) => node(`call${i}`, 'child_workflow', { workflow })),
    );
    const db = await b.db.connect();
    try {
      // Rolled back, so that no worker sees the token.
      await db.query('begin');
      const { rows: started } = await db.query<Run>(
        `select r.* from stepbase.workflows w
         cross join lateral stepbase_engine.start_run('acme', w.published_version_id, '{}') r
         where w.kebab_name = $1`,
        [name],
      );
      const id = started[0]?.id ?? '';
      const works = await take(db, [id]);
      await db.query(
        "select stepbase_engine.wait($1::uuid[], $2::uuid[], $3::int[], array['{}', '{}']::jsonb[], $4::jsonb[])",
        [
          works.map((work) => work.run_id),
          works.map((work) => work.step_run_id),
          works.map((work) => work.fence),
          workflows.map((workflow) => JSON.stringify({ kind: 'child', child: { workflow } })),
        ],
      );
      const { rows: children } = await db.query(
        'select from stepbase.runs where parent_run_id = $1',
        [id],
      );
      expect(children).toEqual([]);
      const { rows: events } = await db.query<{ event_type: string }>(
        'select event_type from stepbase.run_events where run_id = $1 order by seq desc limit 1',
        [id],
      );
      expect(events).toEqual([{ event_type: 'run.failed' }]);
    } finally {
      await db.query('rollback');
      db.release();
    }
  });

  test.each([
    ['terminate', 'cancelled'],
    ['request_cancel', 'cancelled'],
    ['abandon', 'running'],
  ])('after the parent was cancelled, a child with %s is %s', async (policy, status) => {
    const workflow = await holds();
    const { id } = await b.start(
      await b.publish([calls(workflow, { parent_close_policy: policy })]),
    );
    const child = await childOf(id);
    await b.stepIs(child.id, 'hold', 'waiting');
    await b.developer.rpc('cancel_run', { run_id: id });
    expect((await b.ended(id)).run.status).toBe('cancelled');
    if (status === 'cancelled') {
      expect((await b.ended(child.id)).run).toMatchObject({
        status,
        error: { code: 'parent_closed' },
      });
    } else {
      await b.developer.rpc('send_signal', { run_id: child.id, signal_name: 'go' });
      expect((await b.ended(child.id)).run.status).toBe('completed');
    }
  });

  test('a detached child with the default policy ends with a parent that completes', async () => {
    const { run } = await b.run([calls(await holds(), { wait: false })]);
    const child = await childOf(run.id);
    expect((await b.ended(child.id)).run).toMatchObject({ status: 'cancelled' });
  });
});
