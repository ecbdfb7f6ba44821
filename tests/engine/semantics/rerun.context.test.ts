// Reruns: a new run of the same version and input, linked to its origin. A rerun from a step reuses the
// results of all steps that do not depend on it.

import { beforeAll, describe, expect, test } from 'vitest';
import { signedIn } from '../../support/stack.ts';
import { codeOf, type Ended, node, type Run, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

async function rerun(run_id: string, from_step?: string): Promise<Ended> {
  const { data, error } = await b.developer
    .rpc('rerun', { run_id, ...(from_step ? { from_step } : {}) })
    .single<Run>();
  if (error) throw new Error(`${error.code} ${error.message}`);
  return await b.ended(data.id);
}

/** A step whose output identifies its execution. */
const stamp = (id: string, reads = '') => value(id, `"${id} " & run.id ${reads}`);

describe.concurrent('rerun', () => {
  test('of a whole run has the same version and input, a link to its origin, and executes every step', async () => {
    const name = await b.publish([stamp('a'), value('b', 'input.n')], ['a > b']);
    const first = await b.ended((await b.start(name, { n: 7 })).id);
    const second = await rerun(first.run.id);
    expect(second.run).toMatchObject({
      status: 'completed',
      origin_run_id: first.run.id,
      rerun_from_step: null,
      workflow_version_id: first.run.workflow_version_id,
      input: { n: 7 },
      context: { a: `a ${second.run.id}`, b: 7 },
    });
  });

  test('from a step keeps earlier steps and their context, and executes the step and its successors again', async () => {
    const first = await b.run(
      [
        stamp('a'),
        stamp('side'),
        stamp('b', '& " after " & steps.a.output'),
        stamp('c', '& " after " & steps.b.output'),
        value('end', 'steps.c.output & steps.side.output'),
      ],
      ['a > b', 'b > c', 'c > end', 'side > end'],
    );
    const origin = first.run.id;
    const second = await rerun(origin, 'b');
    const own = second.run.id;
    expect(second.run).toMatchObject({
      status: 'completed',
      origin_run_id: origin,
      rerun_from_step: 'b',
      steps_completed: 5,
      context: {
        a: `a ${origin}`,
        side: `side ${origin}`,
        b: `b ${own} after a ${origin}`,
        c: `c ${own} after b ${own} after a ${origin}`,
      },
    });
    expect(new Set(Object.values(second.statuses))).toEqual(new Set(['completed']));
  });

  test('from a step of a failed run works if its inputs exist', async () => {
    const name = await b.publish(
      [
        stamp('a'),
        node('gate', 'wait_for_signal', { signal_name: 'go' }),
        value('b', 'steps.gate.output.ok ? steps.a.output : $error("not ok")'),
      ],
      ['a > gate', 'gate > b'],
    );
    const { id } = await b.start(name);
    await b.stepIs(id, 'gate', 'waiting');
    await b.developer.rpc('send_signal', { run_id: id, signal_name: 'go', payload: { ok: false } });
    expect((await b.ended(id)).run.status).toBe('failed');

    const again = await b.developer.rpc('rerun', { run_id: id, from_step: 'gate' }).single<Run>();
    const second = again.data?.id ?? '';
    await b.stepIs(second, 'gate', 'waiting');
    const payload = { ok: true };
    await b.developer.rpc('send_signal', { run_id: second, signal_name: 'go', payload });
    const { run } = await b.ended(second);
    expect(run).toMatchObject({ status: 'completed', output: { b: `a ${id}` } });
  });

  test('works from the first step of a fan-out, a join, and a branch that a condition did not take', async () => {
    const first = await b.run(
      [
        node('c', 'condition', { expression: 'true' }),
        stamp('yes'),
        stamp('no'),
        stamp('join'),
        stamp('end'),
      ],
      ['c > yes : true', 'c > no : false', 'yes > join', 'no > join', 'join > end'],
    );
    const whole = await rerun(first.run.id, 'c');
    expect(whole.statuses).toEqual(first.statuses);
    expect(whole.run.context).toMatchObject({ end: `end ${whole.run.id}` });
    const half = await rerun(first.run.id, 'join');
    expect(half.statuses).toEqual(first.statuses);
    expect(half.run.context).toMatchObject({
      yes: `yes ${first.run.id}`,
      join: `join ${half.run.id}`,
    });
  });

  test('from a step numbers the copied results from 1, in the order of the origin', async () => {
    const first = await b.run(
      [
        stamp('a'),
        value('bad', '$error("once")'),
        stamp('z'),
        ...['k', 'b', 'y'].map((id) => stamp(id)),
        node('late', 'delay', { ms: 1 }),
        stamp('end'),
      ],
      [
        ...['a > bad', 'bad > z : error', 'a > k', 'a > b', 'a > y', 'a > late'],
        ...['z > end', 'k > end', 'y > end', 'late > end'],
      ],
    );
    const second = await rerun(first.run.id, 'k');
    const patches = async (runId: string) => {
      const { data, error } = await b.developer
        .from('run_context')
        .select('version, step_id, step_run_id, patch')
        .eq('run_id', runId)
        .order('version');
      if (error) throw error;
      return data;
    };
    const [before, after] = [await patches(first.run.id), await patches(second.run.id)];
    const kept = before.filter(({ step_id }) => step_id !== 'k' && step_id !== 'end');
    expect(kept.map(({ step_id }) => step_id)).toContain('bad');
    expect(after.slice(0, kept.length).map(({ step_id, patch }) => [step_id, patch])).toEqual(
      kept.map(({ step_id, patch }) => [step_id, patch]),
    );
    expect(after.map(({ version }) => version)).toEqual(after.map((_, index) => index + 1));
    const own = new Set(second.all.map(({ id }) => id));
    expect(after.filter(({ step_run_id }) => !own.has(step_run_id ?? ''))).toEqual([]);
  });

  test('from a step behind a caught failure keeps that failure', async () => {
    const first = await b.run(
      [
        value('bad', '$error("once")'),
        value('repair', 'steps.bad.output.error.message'),
        value('end', 'steps.repair.output & "!"'),
      ],
      ['bad > repair : error', 'repair > end'],
    );
    expect(first.run.status).toBe('completed');
    const second = await rerun(first.run.id, 'end');
    expect(second.run).toMatchObject({ status: 'completed', output: first.run.output as never });
    const third = await rerun(first.run.id, 'repair');
    expect(third.run).toMatchObject({ status: 'completed', output: first.run.output as never });
    expect(third.statuses.bad).toBe('failed');
  });

  test('from a join that still waited for a failed step is refused, with the names of the missing steps', async () => {
    const nodes = (join?: 'any') => [
      stamp('a'),
      node('gate', 'wait_for_signal', { signal_name: 'go' }),
      value('bad', 'steps.gate.output.ok ? "good" : $error("no")'),
      value('join', '[steps.a.output, steps.bad.output]', join ? { join } : {}),
    ];
    const lines = ['gate > bad', 'a > join', 'bad > join'];
    const failed = async (join?: 'any') => {
      const { id } = await b.start(await b.publish(nodes(join), lines));
      await b.stepIs(id, 'gate', 'waiting');
      const payload = { ok: false };
      await b.developer.rpc('send_signal', { run_id: id, signal_name: 'go', payload });
      await b.ended(id);
      return id;
    };
    const origin = await failed();
    const refused = await b.developer.rpc('rerun', { run_id: origin, from_step: 'join' });
    expect(codeOf(refused)).toBe('SB409 conflict');
    expect(JSON.parse(refused.error?.details ?? '')).toMatchObject({ waits_for: ['bad'] });
    // From another step, the join still waits for the failed step, which runs again.
    const again = await b.developer.rpc('rerun', { run_id: origin, from_step: 'a' }).single<Run>();
    expect((await b.ended(again.data?.id ?? '')).statuses).toMatchObject({ bad: 'failed' });
    // A join of any waited for no other branch: it starts beside the step that fails again.
    expect((await rerun(await failed('any'), 'join')).step('join').started_at).not.toBeNull();
  });

  test('from a for_each executes every item again; from a later step it reuses the for_each with its items', async () => {
    const list = (expression: string) =>
      node('list', 'for_each', {
        items: '{{ steps.a.output }}',
        step: { type: 'transform', config: { expression } },
      });
    const first = await b.run(
      [value('a', '[1, 2, 3]'), list('$string(item) & run.id'), value('end', 'steps.list.output')],
      ['a > list', 'list > end'],
    );
    const outputs = ({ run }: Ended) => [1, 2, 3].map((item) => `${item}${run.id}`);
    expect(first.run.output).toEqual({ end: outputs(first) });

    const whole = await rerun(first.run.id, 'list');
    expect(whole.run).toMatchObject({ status: 'completed', output: { end: outputs(whole) } });
    expect(whole.run).toMatchObject({ steps_completed: 3, steps_total: 3 });

    const behind = await rerun(first.run.id, 'end');
    expect(behind.run).toMatchObject({ status: 'completed', output: { end: outputs(first) } });
    expect(behind.run).toMatchObject({ steps_completed: 3, steps_total: 3 });
    const shape = ({ all }: Ended) =>
      all.map((s) => [s.step_id, s.item_index, s.status, s.items_total, s.output]);
    expect(shape(behind)).toEqual(shape(first));
  });

  test('works from a for_each that an item failed, and from a step beside it', async () => {
    const first = await b.run(
      [
        value('a', '[1, 0, 3]'),
        node('list', 'for_each', {
          items: '{{ steps.a.output }}',
          step: { type: 'transform', config: { expression: 'item = 0 ? $error("zero") : item' } },
        }),
        stamp('side'),
        value('end', '1'),
      ],
      ['a > list', 'a > side', 'list > end', 'side > end'],
    );
    expect(first.run.status).toBe('failed');
    for (const from of ['list', 'side']) {
      const again = await rerun(first.run.id, from);
      expect(again.run).toMatchObject({ status: 'failed', error: { step_id: 'list' } });
    }
    const refused = await b.developer.rpc('rerun', { run_id: first.run.id, from_step: 'end' });
    expect(codeOf(refused)).toBe('SB409 conflict');
  });

  test('of a rerun is linked to the run that it repeats', async () => {
    const first = await b.run([stamp('a'), stamp('b')], ['a > b']);
    const second = await rerun(first.run.id, 'b');
    const third = await rerun(second.run.id, 'b');
    expect(third.run).toMatchObject({
      origin_run_id: second.run.id,
      context: { a: `a ${first.run.id}`, b: `b ${third.run.id}` },
    });
  });

  test('with edited outputs and input runs the steps behind them with these values', async () => {
    const first = await b.run(
      [
        stamp('a'),
        node('c', 'condition', { expression: 'input.n > 1' }),
        value('many', '"many " & steps.a.output'),
        value('one', '"one " & steps.a.output'),
        value('end', '[steps.many.output, steps.one.output, input.n]'),
      ],
      ['a > c', 'c > many : true', 'c > one : false', 'many > end', 'one > end'],
    );
    const origin = first.run.id;
    expect(first.run.output).toEqual({ end: [`one a ${origin}`] });
    const edited = async (more: object) => {
      const { data, error } = await b.developer
        .rpc('rerun', { run_id: origin, reason: 'a test', ...more })
        .single<Run>();
      if (error) throw new Error(`${error.code} ${error.message}`);
      return await b.ended(data.id);
    };
    const other = await edited({ outputs: { a: 'set', c: true }, input: { n: 5 } });
    expect(other.run).toMatchObject({
      status: 'completed',
      output: { end: ['many set', 5] },
      edits: { input: true, outputs: ['a', 'c'], reason: 'a test' },
      steps_completed: 5,
      context: { a: 'set', c: true, many: 'many set' },
    });
    expect(other.statuses).toMatchObject({ one: 'skipped', many: 'completed' });
    const again = await edited({ input: { n: 2 } });
    expect(again.run.output).toEqual({ end: [`many a ${again.run.id}`, 2] });

    const { data: plan } = await b.developer.rpc('preview_rerun', {
      run_id: origin,
      outputs: { c: true },
    });
    expect(plan).toMatchObject({ repeated_effects: [] });
    const { data: compared } = await b.developer.rpc('compare_runs', {
      a: origin,
      b: other.run.id,
    });
    expect(compared).toMatchObject({ first_difference: 'a', same_version: true });
  });

  test('of an open run, from a step that was not reached, by another app or by a viewer is refused', async () => {
    const { id } = await b.start(await b.publish([node('w', 'delay', { ms: 60_000 })]));
    const [viewer, stranger] = await Promise.all([
      signedIn('viewer@acme'),
      signedIn('admin@globex'),
    ]);
    expect(codeOf(await b.developer.rpc('rerun', { run_id: id }))).toBe('SB409 conflict');
    await b.developer.rpc('cancel_run', { run_id: id });
    const wish = { run_id: id, from_step: 'nowhere' };
    expect(codeOf(await b.developer.rpc('rerun', wish))).toBe('SB404 not_found');
    expect(codeOf(await viewer.rpc('rerun', { run_id: id }))).toBe('SB403 permission_denied');
    expect(codeOf(await stranger.rpc('rerun', { run_id: id }))).toBe('SB404 not_found');
    await b.ended(id);
  });

  test('of a paused, archived or deleted workflow is refused; of a deprecated one it works', async () => {
    const name = await b.publish([value('a')]);
    const { id } = (await b.ended((await b.start(name)).id)).run;
    const change = (status: string) =>
      b.developer.from('workflows').update({ status }).eq('kebab_name', name);
    const asked = async () => codeOf(await b.developer.rpc('rerun', { run_id: id }));
    await change('deprecated');
    expect((await rerun(id)).run.status).toBe('completed');
    await change('published');
    await change('paused');
    expect(await asked()).toBe('SB409 conflict');
    await change('archived');
    expect(await asked()).toBe('SB409 conflict');
    await b.db.query('update stepbase.workflows set deleted_at = now() where kebab_name = $1', [
      name,
    ]);
    expect(await asked()).toBe('SB404 not_found');
  });
});
