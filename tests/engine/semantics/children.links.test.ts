// What workflow_children declares: the name of a child, what it waits for, and whether it may signal or
// query its parent.

import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../../../types/database.ts';
import { waitFor } from '../../support/stack.ts';
import {
  edges,
  failing,
  type Node,
  node,
  readRun,
  type TestApp,
  testApp,
  value,
} from '../support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

async function idOf(workflow: string): Promise<string> {
  const { data } = await b.developer
    .from('workflows')
    .select('id')
    .eq('kebab_name', workflow)
    .single();
  return data?.id as string;
}

async function link(parent: string, child: string, more: Record<string, unknown>): Promise<void> {
  const { error } = await b.developer.from('workflow_children').insert({
    parent_workflow_id: await idOf(parent),
    child_workflow_id: await idOf(child),
    child_workflow_name: child,
    ...more,
  });
  if (error) throw new Error(error.message);
}

const calling = (id: string, workflow: string, more = {}): Node =>
  node(id, 'child_workflow', { workflow, ...more });

async function childOf(runId: string): Promise<{ id: string; status: string; error: unknown }> {
  return await waitFor('the child', async () => {
    const { data } = await b.developer
      .from('runs')
      .select('id, status, error')
      .eq('parent_run_id', runId)
      .maybeSingle();
    return data ?? undefined;
  });
}

describe('links between parent and child', () => {
  test('a parent starts a child by its declared name', async () => {
    const child = await b.publish([value('z', '"from child"')]);
    const parent = await b.publish(
      [calling('call', 'the-helper'), value('z', 'steps.call.output.z')],
      ['call > z'],
    );
    await link(parent, child, { child_workflow_name: 'the-helper' });
    const { run } = await b.ended((await b.start(parent)).id);
    expect(run).toMatchObject({ status: 'completed', output: { z: 'from child' } });
  });

  test('the declared parent_close_policy applies if the step has none', async () => {
    const child = await b.publish([node('s', 'wait_for_signal', { signal_name: 'go' })]);
    const parent = await b.publish([calling('call', child)]);
    await link(parent, child, { parent_close_policy: 'abandon' });
    const { id } = await b.start(parent);
    const { id: childId } = await childOf(id);
    await b.stepIs(childId, 's', 'waiting');
    await b.developer.rpc('cancel_run', { run_id: id });
    await b.ended(id);
    expect((await childOf(id)).status).toBe('running');
    await b.developer.rpc('send_signal', { run_id: childId, signal_name: 'go' });
    expect((await b.ended(childId)).run.status).toBe('completed');
  });

  test('with block_until a signal, the child starts when its parent has received the signal', async () => {
    const child = await b.publish([value('z', 'input.n')]);
    const parent = await b.publish([calling('call', child, { input: { n: '{{ input.n }}' } })]);
    await link(parent, child, { block_until: { signal: 'ready' } });
    const { id } = await b.start(parent, { n: 5 });
    await b.stepIs(id, 'call', 'waiting');
    const { data } = await b.developer.from('runs').select('id').eq('parent_run_id', id);
    expect(data).toEqual([]);
    await b.developer.rpc('send_signal', { run_id: id, signal_name: 'ready' });
    expect((await b.ended(id)).run).toMatchObject({ output: { call: { z: 5 } } });
  });

  test('with block_until other children, the child starts when they have completed', async () => {
    const first = await b.publish([node('s', 'wait_for_signal', { signal_name: 'go' })]);
    const second = await b.publish([value('z', '"second"')]);
    const parent = await b.publish([calling('one', first), calling('two', second)]);
    await link(parent, first, {});
    await link(parent, second, { block_until: { children: [first] } });
    const { id } = await b.start(parent);
    await b.stepIs(id, 'two', 'waiting');
    const { id: firstId } = await childOf(id);
    await b.stepIs(firstId, 's', 'waiting');
    await b.developer.rpc('send_signal', { run_id: firstId, signal_name: 'go' });
    expect((await b.ended(id)).run).toMatchObject({
      status: 'completed',
      output: { two: { z: 'second' } },
    });
  });

  test('a child that waits for a failed child fails too', async () => {
    const first = await b.publish([failing('bad')]);
    const second = await b.publish([value('z', '"second"')]);
    const parent = await b.publish(
      [calling('one', first), value('caught', '1'), calling('two', second)],
      ['one > caught : error'],
    );
    await link(parent, first, {});
    await link(parent, second, { block_until: { children: [first] } });
    const { run } = await b.ended((await b.start(parent)).id);
    expect(run).toMatchObject({
      status: 'failed',
      error: { code: 'child_not_started', step_id: 'two' },
    });
  });

  test('a child that waits for a child in a skipped branch fails at once, in either order', async () => {
    const first = await b.publish([value('z')]);
    const second = await b.publish([value('z')]);
    for (const lines of [
      ['gate > choose', 'choose > one : true', 'choose > other : false'],
      ['gate > choose', 'choose > one : true', 'choose > other : false', 'choose > two : false'],
    ]) {
      const parent = await b.publish(
        [
          node('gate', 'wait_for_signal', { signal_name: 'go' }),
          node('choose', 'condition', { expression: 'false' }),
          calling('one', first),
          value('other'),
          calling('two', second),
        ],
        lines,
      );
      await link(parent, first, {});
      await link(parent, second, { block_until: { children: [first] } });
      const { id } = await b.start(parent);
      await b.stepIs(id, 'gate', 'waiting');
      if (lines.length === 3) await b.stepIs(id, 'two', 'waiting');
      await b.developer.rpc('send_signal', { run_id: id, signal_name: 'go' });
      expect((await b.ended(id)).run).toMatchObject({
        status: 'failed',
        error: { code: 'child_not_started', step_id: 'two' },
      });
    }
  });

  test('a child that waits for itself, or for a child that no step starts, is refused', async () => {
    const first = await b.publish([value('z')]);
    const second = await b.publish([value('z')]);
    const parent = await b.publish([calling('one', first), calling('two', second)]);
    const wish = (names: unknown) => ({ block_until: { children: names } });
    await expect(link(parent, first, wish([first]))).rejects.toThrow('wait for itself');
    await expect(link(parent, first, wish('x'))).rejects.toThrow('must be an array of child names');
    await link(parent, first, wish([second]));
    await expect(link(parent, second, wish([first]))).rejects.toThrow('wait for itself');
    await expect(
      link(parent, second, { child_workflow_name: 'next', ...wish(['next']) }),
    ).rejects.toThrow('wait for itself');

    const republish = async (nodes: Node[], edges: Json[] = []) => {
      const saved = await b.developer
        .rpc('save_workflow', { kebab_name: parent, definition: { nodes, edges } })
        .single<{ id: string }>();
      const made = await b.developer.rpc('publish_workflow', {
        workflow_version_id: saved.data?.id ?? '',
      });
      return made.error?.message ?? 'published';
    };
    const refusal = `one waits for the child ${second} (block_until), but no step starts that child before it`;
    expect(await republish([calling('one', first)])).toBe(refusal);
    expect(
      await republish([calling('one', first), calling('two', second)], edges('one > two')),
    ).toBe(refusal);
    expect(await republish([calling('one', first), calling('two', '{{ input.w }}')])).toBe(
      'published',
    );
  });

  test('a child signals its parent if this is allowed', async () => {
    const child = await b.publish([
      node('tell', 'send_signal', { signal_name: 'news', payload: { n: '{{ input.n }}' } }),
    ]);
    const parts = () =>
      b.publish([
        calling('call', child, { input: { n: 3 }, wait: false }),
        node('hear', 'wait_for_signal', { signal_name: 'news', timeout_ms: 20_000 }),
      ]);
    const allowed = await parts();
    await link(allowed, child, { can_signal_parent: true });
    expect((await b.ended((await b.start(allowed)).id)).run).toMatchObject({
      status: 'completed',
      output: { hear: { n: 3 } },
    });
    const refused = await parts();
    await link(refused, child, { can_signal_parent: false });
    const { id } = await b.start(refused);
    const { id: childId } = await childOf(id);
    expect((await b.ended(childId)).run).toMatchObject({
      status: 'failed',
      error: { code: 'permission_denied' },
    });
    await b.developer.rpc('cancel_run', { run_id: id });
  });

  test('a child that may not signal its parent cannot do so by run id either, but can signal other runs', async () => {
    const waiting = () => b.publish([node('hear', 'wait_for_signal', { signal_name: 'news' })]);
    const child = await b.publish([
      node('tell', 'send_signal', { run: '{{ input.to }}', signal_name: 'news' }),
    ]);
    const parent = await b.publish(
      [
        node('hear', 'wait_for_signal', { signal_name: 'to' }),
        calling('call', child, { input: { to: '{{ steps.hear.output.id }}' } }),
      ],
      ['hear > call'],
    );
    await link(parent, child, {});
    const call = async (to: string) => {
      const { id } = await b.start(parent);
      await b.stepIs(id, 'hear', 'waiting');
      const payload = { id: to === 'parent' ? id : to };
      await b.developer.rpc('send_signal', { run_id: id, signal_name: 'to', payload });
      await b.ended(id);
      return await childOf(id);
    };
    expect(await call('parent')).toMatchObject({ error: { code: 'permission_denied' } });
    expect(await call('no-such-run')).toMatchObject({ error: { code: 'not_found' } });
    const other = await b.start(await waiting());
    expect(await call(other.id)).toMatchObject({ status: 'completed' });
    expect((await b.ended(other.id)).run.status).toBe('completed');
  });

  test('the step that sent a signal may repeat it after the run has ended; another step may not', async () => {
    const { id } = await b.start(
      await b.publish([node('hear', 'wait_for_signal', { signal_name: 'news' })]),
    );
    await b.stepIs(id, 'hear', 'waiting');
    const sender = await b.start(
      await b.publish([node('s', 'wait_for_signal', { signal_name: 'go' })]),
    );
    const send = (key: string) =>
      b.db.query('select stepbase_engine.signal_from_step($1, $2, $3, $4, $5)', [
        sender.id,
        key,
        id,
        'news',
        '{"n": 1}',
      ]);
    await send('a');
    expect((await b.ended(id)).run.output).toEqual({ hear: { n: 1 } });
    await send('a');
    await expect(send('b')).rejects.toThrow('The run has ended');
    const { rows } = await b.db.query('select from stepbase.run_signals where run_id = $1', [id]);
    expect(rows).toHaveLength(1);
    await b.developer.rpc('cancel_run', { run_id: sender.id });
  });

  test('a child that is allowed to queries its parent: built-ins, paths and JSONata', async () => {
    const child = await b.publish([
      node('status', 'query_run', { query_name: 'status' }),
      node('total', 'query_run', { query_name: 'total' }),
    ]);
    const parts = () =>
      b.publish([value('lines', '[1, 2, 3]'), calling('call', child)], ['lines > call']);
    const allowed = await parts();
    await link(allowed, child, { can_query_parent: true });
    const declared = await b.developer.from('workflow_queries').insert({
      workflow_id: await idOf(allowed),
      query_name: 'total',
      expression: '$sum(steps.lines.output)',
    });
    expect(declared.error).toBeNull();
    expect((await b.ended((await b.start(allowed)).id)).run).toMatchObject({
      status: 'completed',
      output: { call: { status: { status: 'running' }, total: 6 } },
    });
    const refused = await parts();
    await link(refused, child, {});
    const { run } = await b.ended((await b.start(refused)).id);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'child_failed' } });
  });

  test('children are closed when the compensation of their parent starts, not when it ends', async () => {
    const child = await b.publish([node('s', 'wait_for_signal', { signal_name: 'go' })]);
    const done = {
      id: 'a',
      type: 'transform',
      data: {
        config: { expression: '1' },
        compensate: { type: 'user_task', config: { title: 'Take it back' } },
      },
    };
    const { id } = await b.start(await b.publish([done, calling('call', child)], ['a > call']));
    const { id: childId } = await childOf(id);
    await b.stepIs(childId, 's', 'waiting');
    await b.developer.rpc('cancel_run', { run_id: id });
    expect((await b.ended(childId)).run.status).toBe('cancelled');
    const { data } = await b.developer.from('runs').select('status').eq('id', id).single();
    expect(data?.status).toBe('running');
    const task = await b.stepIs(id, 'a', 'waiting');
    await b.developer.rpc('complete_task', { step_run_id: task.id, output: {} });
    expect((await b.ended(id)).run.status).toBe('cancelled');
  });

  test.each(['terminate', 'request_cancel'])(
    'a parent is not compensated before its child has ended (%s)',
    async (parent_close_policy) => {
      const done = (compensate: Node) => ({
        id: 'a',
        type: 'transform',
        data: {
          config: { expression: '1' },
          compensate: {
            type: compensate.type,
            config: (compensate.data as { config: Json }).config,
          },
        },
      });
      const child = await b.publish(
        [
          done(node('undo', 'user_task', { title: 'Take it back' })),
          node('s', 'wait_for_signal', { signal_name: 'go' }),
        ],
        ['a > s'],
      );
      const { id } = await b.start(
        await b.publish(
          [done(value('undo')), calling('call', child, { parent_close_policy })],
          ['a > call'],
        ),
      );
      const { id: childId } = await childOf(id);
      await b.stepIs(childId, 's', 'waiting');
      await b.developer.rpc('cancel_run', { run_id: id });
      if (parent_close_policy === 'request_cancel') {
        // A person compensates the child; until then the parent waits.
        const task = await b.stepIs(childId, 'a', 'waiting');
        const { all } = await readRun(b.developer, id);
        expect(all.filter(({ item_index }) => item_index === -1)).toEqual([]);
        await b.developer.rpc('complete_task', { step_run_id: task.id, output: {} });
      }
      const { run: ended } = await b.ended(childId);
      const { run, all } = await b.ended(id);
      expect(run.status).toBe('cancelled');
      const [undo] = all.filter(({ item_index }) => item_index === -1);
      expect(undo?.status).toBe('completed');
      expect(undo && undo.created_at >= (ended.completed_at ?? '')).toBe(true);
    },
  );

  test('a workflow that calls itself stops at the 16th child in a row', async () => {
    const name = await b.publish([value('z')]);
    const definition = { nodes: [calling('again', name)], edges: [] };
    const draft = await b.developer
      .rpc('save_workflow', { kebab_name: name, definition })
      .single<{ id: string }>();
    await b.developer.rpc('publish_workflow', { workflow_version_id: draft.data?.id ?? '' });
    const { id } = await b.start(name);
    const { run } = await b.ended(id);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'child_failed' } });
    const { data } = await b.developer
      .from('runs')
      .select('error')
      .eq('trace_id', run.trace_id)
      .order('created_at', { ascending: false });
    expect(data).toHaveLength(17);
    expect(data?.[0]?.error).toMatchObject({
      code: 'child_not_started',
      details: { code: 'limit_reached', max_depth: 16 },
    });
  });

  test('request_cancel lets a child undo what it did, terminate does not', async () => {
    const undoing = {
      id: 'a',
      type: 'transform',
      data: {
        config: { expression: '1' },
        compensate: { type: 'transform', config: { expression: '"undone"' } },
      },
    };
    const child = await b.publish(
      [undoing, node('s', 'wait_for_signal', { signal_name: 'go' })],
      ['a > s'],
    );
    for (const [parent_close_policy, undone] of [
      ['request_cancel', 1],
      ['terminate', 0],
    ] as const) {
      const { id } = await b.start(
        await b.publish([calling('call', child, { parent_close_policy })]),
      );
      const { id: childId } = await childOf(id);
      await b.stepIs(childId, 's', 'waiting');
      await b.developer.rpc('cancel_run', { run_id: id });
      const { run, all } = await b.ended(childId);
      expect(run.status).toBe('cancelled');
      expect(all.filter(({ item_index }) => item_index === -1)).toHaveLength(undone);
    }
  });

  test('a transient error does not prevent a child from starting', async () => {
    const child = await b.publish([value('z', '"from child"')]);
    const parent = await b.publish([calling('call', child)]);
    // The first two attempts to write the child fail as if they met a deadlock.
    await b.db.query(`
      create sequence stepbase_engine.unlucky_children;
      create function stepbase_engine.deadlock_children() returns trigger language plpgsql as $$
      begin
        if nextval('stepbase_engine.unlucky_children') <= 2 then
          raise exception using errcode = '40P01', message = 'a deadlock, simulated by the test';
        end if;
        return new;
      end $$;
      create trigger deadlock_children before insert on stepbase.runs for each row
      when (new.workflow_id = '${await idOf(child)}') execute function stepbase_engine.deadlock_children()`);
    try {
      const { run } = await b.ended((await b.start(parent)).id);
      expect(run).toMatchObject({ status: 'completed', output: { call: { z: 'from child' } } });
    } finally {
      await b.db.query(`
        drop trigger deadlock_children on stepbase.runs;
        drop function stepbase_engine.deadlock_children();
        drop sequence stepbase_engine.unlucky_children`);
    }
  });

  test('a deprecated workflow still starts as a child; a paused, archived or deleted one does not', async () => {
    const child = await b.publish([value('z')]);
    const parent = await b.publish([calling('call', child)]);
    const change = (more: Record<string, unknown>) =>
      b.developer.from('workflows').update(more).eq('kebab_name', child);
    const callIt = async () => (await b.ended((await b.start(parent)).id)).run;
    await change({ status: 'deprecated' });
    expect((await callIt()).status).toBe('completed');
    await change({ status: 'published' });
    await change({ status: 'paused' });
    expect(await callIt()).toMatchObject({
      status: 'failed',
      error: { code: 'child_not_started' },
    });
    await change({ status: 'archived' });
    expect(await callIt()).toMatchObject({
      status: 'failed',
      error: { code: 'child_not_started' },
    });
    await b.db.query('update stepbase.workflows set deleted_at = now() where kebab_name = $1', [
      child,
    ]);
    expect(await callIt()).toMatchObject({
      status: 'failed',
      error: { code: 'child_not_started' },
    });
  });
});
