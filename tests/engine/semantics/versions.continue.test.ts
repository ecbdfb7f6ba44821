// An open run continues on another version: what it takes along, what runs again, and what becomes of the old run.

import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../../../types/database.ts';
import {
  codeOf,
  edges,
  type Node,
  node,
  type Run,
  type TestApp,
  testApp,
  value,
} from '../support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

const stamp = (id: string, more: Record<string, Json> = {}): Node => ({
  id,
  type: 'transform',
  data: { config: { expression: `"${id} " & run.id` }, ...more } as Json,
});
const gate = node('gate', 'wait_for_signal', { signal_name: 'go' });

/** Publishes another version of the workflow. */
async function publishAgain(kebab_name: string, nodes: Node[], lines: string[], more = {}) {
  const definition = { nodes, edges: edges(...lines) };
  const saved = await b.developer
    .rpc('save_workflow', { kebab_name, definition, ...more })
    .single<{ id: string }>();
  if (saved.error) throw new Error(saved.error.message);
  const made = await b.developer.rpc('publish_workflow', { workflow_version_id: saved.data.id });
  if (made.error) throw new Error(made.error.message);
}

async function continued(run_id: string, more: Record<string, unknown> = {}): Promise<Run> {
  const { data, error } = await b.developer
    .rpc('continue_on_version', { run_id, ...more })
    .single<Run>();
  if (error) throw new Error(`${error.code} ${error.message} ${error.details}`);
  return data;
}

const signal = (run_id: string, payload: Json = {}) =>
  b.developer.rpc('send_signal', { run_id, signal_name: 'go', payload });

describe.concurrent('continue_on_version', () => {
  test('copies the results of shared steps, runs the others on the new version, and cancels the old run', async () => {
    const lines = ['a > b', 'b > gate', 'a > side', 'gate > end', 'side > end'];
    const name = await b.publish(
      [stamp('a'), stamp('b'), stamp('side'), gate, value('end', '$error("a bug")')],
      lines,
    );
    const { id } = await b.start(name, { n: 1 }, { idempotency_key: `k-${name}` });
    await b.stepIs(id, 'gate', 'waiting');
    const fixed = value(
      'end',
      '[steps.a.output, steps.b.output, steps.side.output, steps.gate.output.x]',
    );
    const nodes = [stamp('a'), value('b', '"new b"'), stamp('side'), gate, fixed];
    expect(codeOf(await b.developer.rpc('continue_on_version', { run_id: id }))).toBe(
      'SB409 conflict',
    );
    await publishAgain(name, nodes, lines);

    const plan = await b.developer.rpc('preview_continue', { run_id: id });
    expect(plan.data).toMatchObject({ from_version: 1, version: 2, repeated_effects: [] });
    const steps = (plan.data as { steps: Record<string, string>[] }).steps;
    expect(
      Object.fromEntries(steps.map((step) => [step.step_id, `${step.action} ${step.reason}`])),
    ).toEqual({
      a: 'copied null',
      side: 'copied null',
      b: 'runs_again changed',
      gate: 'runs_again open',
      end: 'may_run changed',
    });

    const next = await continued(id, { reason: 'a bug in end' });
    expect(next).toMatchObject({
      origin_run_id: id,
      input: { n: 1 },
      idempotency_key: `k-${name}`,
    });
    const old = await b.ended(id);
    expect(old.run).toMatchObject({
      status: 'cancelled',
      idempotency_key: null,
      error: { code: 'continued_on_version', version: 2, reason: 'a bug in end' },
    });
    await b.stepIs(next.id, 'gate', 'waiting');
    await signal(next.id, { x: 7 });
    const { run } = await b.ended(next.id);
    expect(run).toMatchObject({
      status: 'completed',
      output: { end: [`a ${id}`, 'new b', `side ${id}`, 7] },
    });
    const again = await b.start(name, { n: 1 }, { idempotency_key: `k-${name}` });
    expect(again.id).toBe(next.id);
    expect(codeOf(await b.developer.rpc('continue_on_version', { run_id: id, version: 1 }))).toBe(
      'SB409 conflict',
    );
  });

  test('continues a failed run at the changed step, and leaves it failed', async () => {
    const lines = ['a > b', 'b > end'];
    const name = await b.publish([stamp('a'), value('b', '$error("a bug")'), stamp('end')], lines);
    const { id } = await b.start(name, { n: 1 }, { idempotency_key: `f-${name}` });
    expect((await b.ended(id)).run.status).toBe('failed');
    await publishAgain(name, [stamp('a'), value('b', 'steps.a.output'), stamp('end')], lines);

    const plan = await b.developer.rpc('preview_continue', { run_id: id });
    expect((plan.data as { steps: Record<string, string>[] }).steps).toMatchObject([
      { step_id: 'a', action: 'copied' },
      { step_id: 'b', action: 'runs_again', reason: 'changed' },
      { step_id: 'end', action: 'may_run' },
    ]);
    const next = await continued(id, { reason: 'a bug in b' });
    const { run } = await b.ended(next.id);
    expect(run).toMatchObject({
      status: 'completed',
      origin_run_id: id,
      idempotency_key: null,
      output: { end: `end ${next.id}` },
    });
    // The result of the first step is the old one.
    const { data } = await b.developer
      .from('step_runs')
      .select('output')
      .eq('run_id', next.id)
      .eq('step_id', 'b')
      .single<{ output: string }>();
    expect(data?.output).toBe(`a ${id}`);
    const old = await b.ended(id);
    expect(old.run).toMatchObject({ status: 'failed', idempotency_key: `f-${name}` });
    // A run that has completed has nothing to continue.
    expect(
      codeOf(await b.developer.rpc('continue_on_version', { run_id: next.id, version: 1 })),
    ).toBe('SB409 conflict');
  });

  test('keeps unread signals, and a paused run paused; a changed input schema is checked', async () => {
    const lines = ['a > gate', 'gate > end'];
    const hold = node('hold', 'wait_for_signal', { signal_name: 'never' });
    const name = await b.publish(
      [hold, gate, value('end', 'steps.gate.output')],
      ['hold > gate', 'gate > end'],
    );
    const { id } = await b.start(name, { n: 1 });
    await b.stepIs(id, 'hold', 'waiting');
    await signal(id, { early: true });
    await b.developer.rpc('pause_run', { run_id: id });
    const nodes = [stamp('a'), gate, value('end', 'steps.gate.output')];
    await publishAgain(name, nodes, lines, { input_schema: { type: 'object', required: ['x'] } });
    expect(codeOf(await b.developer.rpc('continue_on_version', { run_id: id }))).toBe(
      'SB422 invalid_input',
    );
    expect((await b.developer.from('runs').select('status').eq('id', id).single()).data).toEqual({
      status: 'paused',
    });
    await publishAgain(name, nodes, lines, { input_schema: {} });
    const next = await continued(id);
    expect(next.status).toBe('paused');
    await b.developer.rpc('resume_run', { run_id: next.id });
    expect((await b.ended(next.id)).run.output).toEqual({ end: { early: true } });
    await b.ended(id);
  });

  test('of a child: the parent waits for the new run and gets its output', async () => {
    const child = await b.publish([gate, value('end', '"old"')], ['gate > end']);
    const parent = await b.publish(
      [node('call', 'child_workflow', { workflow: child }), value('end', 'steps.call.output.end')],
      ['call > end'],
    );
    const { id } = await b.start(parent);
    await b.stepIs(id, 'call', 'waiting');
    const { data } = await b.developer.from('runs').select('id').eq('parent_run_id', id).single();
    const childId = data?.id ?? '';
    await b.stepIs(childId, 'gate', 'waiting');
    await publishAgain(child, [gate, value('end', '"new"')], ['gate > end']);
    const next = await continued(childId);
    expect(next.parent_run_id).toBe(id);
    await b.ended(childId);
    await b.stepIs(next.id, 'gate', 'waiting');
    await signal(next.id);
    expect((await b.ended(id)).run).toMatchObject({ status: 'completed', output: { end: 'new' } });
  });

  test('leaves compensation to the new run, which compensates copied steps when it fails', async () => {
    const compensate = { type: 'transform', config: { expression: '"undone"' } };
    const lines = ['a > gate', 'gate > end'];
    const name = await b.publish([stamp('a', { compensate }), gate, value('end')], lines);
    const { id } = await b.start(name);
    await b.stepIs(id, 'gate', 'waiting');
    await publishAgain(
      name,
      [stamp('a', { compensate }), gate, value('end', '$error("no")')],
      lines,
    );
    const next = await continued(id);
    const compensations = ({ all }: { all: { item_index: number; step_id: string }[] }) =>
      all.filter(({ item_index }) => item_index === -1).map(({ step_id }) => step_id);
    expect(compensations(await b.ended(id))).toEqual([]);
    await b.stepIs(next.id, 'gate', 'waiting');
    await signal(next.id);
    const failed = await b.ended(next.id);
    expect(failed.run.status).toBe('failed');
    expect(compensations(failed)).toEqual(['a']);
  });

  test('is refused for an ended run, an unknown version, and a version on which nothing would run', async () => {
    const name = await b.publish([stamp('a'), gate], ['a > gate']);
    const { id } = await b.start(name);
    await b.stepIs(id, 'gate', 'waiting');
    await publishAgain(name, [stamp('a')], []);
    const asked = async (more = {}) =>
      codeOf(await b.developer.rpc('continue_on_version', { run_id: id, ...more }));
    expect(await asked()).toBe('SB409 conflict');
    expect(await asked({ version: 9 })).toBe('SB404 not_found');
    await b.developer.rpc('cancel_run', { run_id: id });
    expect(await asked({ version: 2 })).toBe('SB409 conflict');
    await b.ended(id);
  });
});
