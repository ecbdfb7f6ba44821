// Signals: kept if they arrive early, delivered to the waiting step, consumed once.

import { beforeAll, describe, expect, test } from 'vitest';
import { signedIn } from '../../support/stack.ts';
import { codeOf, node, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

const waits = (id: string, name = 'go') => node(id, 'wait_for_signal', { signal_name: name });
const send = (run_id: string, signal_name = 'go', payload = {}) =>
  b.developer.rpc('send_signal', { run_id, signal_name, payload });

describe.concurrent('signals', () => {
  test('a waiting step completes with the payload', async () => {
    const { id } = await b.start(
      await b.publish([waits('w'), value('next', 'steps.w.output.n + 1')], ['w > next']),
    );
    await b.stepIs(id, 'w', 'waiting');
    expect(codeOf(await send(id, 'other', { n: 1 }))).toBe('none');
    expect(codeOf(await send(id, 'go', { n: 41 }))).toBe('none');
    const { run } = await b.ended(id);
    expect(run.output).toEqual({ next: 42 });
  });

  test('early signals are kept and consumed once each, in their order of arrival', async () => {
    const { id } = await b.start(
      await b.publish(
        [
          node('task', 'user_task', { title: 'Hold' }),
          waits('first'),
          waits('second'),
          waits('third'),
        ],
        ['task > first', 'first > second', 'second > third'],
      ),
    );
    const task = await b.stepIs(id, 'task', 'waiting');
    await send(id, 'go', { n: 1 });
    await send(id, 'go', { n: 2 });
    await b.developer.rpc('complete_task', { step_run_id: task.id });
    await b.stepIs(id, 'third', 'waiting');
    await send(id, 'go', { n: 3 });
    const { run } = await b.ended(id);
    expect(run.context).toMatchObject({ first: { n: 1 }, second: { n: 2 }, third: { n: 3 } });
    const { data } = await b.developer.from('run_signals').select('consumed_at').eq('run_id', id);
    expect(data).toHaveLength(3);
    for (const signal of data ?? []) expect(signal.consumed_at).not.toBeNull();
  });

  test('two steps that wait for the same name need two signals', async () => {
    const { id } = await b.start(await b.publish([waits('one'), waits('two')]));
    await Promise.all([b.stepIs(id, 'one', 'waiting'), b.stepIs(id, 'two', 'waiting')]);
    await send(id, 'go', { n: 1 });
    const { rows } = await b.db.query(
      "select count(*)::int as n from stepbase.step_runs where run_id = $1 and status = 'waiting'",
      [id],
    );
    expect(rows).toEqual([{ n: 1 }]);
    await send(id, 'go', { n: 2 });
    const { run } = await b.ended(id);
    expect(
      Object.values(run.output as Record<string, { n: number }>)
        .map(({ n }) => n)
        .toSorted(),
    ).toEqual([1, 2]);
  });

  test('a hundred signals at once are all kept', async () => {
    const ids = Array.from({ length: 100 }, (_, i) => `w${i}`);
    const { id } = await b.start(await b.publish(ids.map((w) => waits(w))));
    const sent = await Promise.all(ids.map((_, n) => send(id, 'go', { n })));
    expect(new Set(sent.map(codeOf))).toEqual(new Set(['none']));
    const { run } = await b.ended(id);
    const numbers = Object.values(run.output as Record<string, { n: number }>).map(({ n }) => n);
    expect(numbers.toSorted((x, y) => x - y)).toEqual(ids.map((_, n) => n));
  });

  test('a payload that does not match the declared parameters is refused', async () => {
    const name = await b.publish([waits('w')]);
    const { id, workflow_id } = await b.start(name);
    await b.db.query(
      `insert into stepbase.workflow_signals (app_code, workflow_id, signal_name, parameters)
       values ('acme', $1, 'go', '{"type": "object", "required": ["n"]}')`,
      [workflow_id],
    );
    await b.stepIs(id, 'w', 'waiting');
    expect(codeOf(await send(id, 'go', {}))).toBe('SB422 invalid_input');
    expect(codeOf(await send(id, 'go', { n: 1 }))).toBe('none');
    await b.ended(id);
  });

  test('an invalid name, an ended run, a viewer and another app are refused', async () => {
    const [viewer, stranger] = await Promise.all([
      signedIn('viewer@acme'),
      signedIn('admin@globex'),
    ]);
    const { id } = await b.start(await b.publish([waits('w')]));
    const wish = { run_id: id, signal_name: 'go' };
    expect(codeOf(await send(id, 'no spaces'))).toBe('SB400 invalid_request');
    expect(codeOf(await viewer.rpc('send_signal', wish))).toBe('SB403 permission_denied');
    expect(codeOf(await stranger.rpc('send_signal', wish))).toBe('SB404 not_found');
    await b.stepIs(id, 'w', 'waiting');
    await send(id);
    await b.ended(id);
    expect(codeOf(await send(id))).toBe('SB409 conflict');
  });
});
