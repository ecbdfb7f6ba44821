// The graph: the order of steps, the branches that are taken, and the skipped ones.

import { beforeAll, describe, expect, test } from 'vitest';
import { node, readRun, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

describe.concurrent('graph', () => {
  test.each([
    [503, 'retry'],
    ['gone', 'other'],
    [7, 'other'],
  ])(
    'a switch on %j runs %s, and the edge default takes every other value',
    async (status, ran) => {
      const { run, statuses } = await b.run(
        [
          node('c', 'condition', { expression: 'input.status' }),
          value('retry', '1'),
          value('other', '2'),
        ],
        ['c > retry : 503', 'c > other : default'],
        { status },
      );
      expect(run.status).toBe('completed');
      expect(Object.keys(run.output as object)).toEqual([ran]);
      expect(Object.values(statuses).filter((name) => name === 'skipped')).toHaveLength(1);
    },
  );

  test('a value that takes no edge is marked in the event', async () => {
    const { run, step } = await b.run(
      [node('c', 'condition', { expression: 'input.status' }), value('retry', '1')],
      ['c > retry : 503'],
      { status: 418 },
    );
    expect(step('c')).toMatchObject({ status: 'completed', output: 418, handle: '418' });
    const { data } = await b.developer
      .from('run_events')
      .select('payload')
      .eq('run_id', run.id)
      .eq('step_id', 'c')
      .eq('event_type', 'step.completed')
      .single<{ payload: unknown }>();
    expect(data?.payload).toMatchObject({ handle: '418', no_edge: true });
  });

  test('a sequence of steps passes data on, and the last output is that of the run', async () => {
    const { run, statuses, all } = await b.run(
      [
        value('a', 'input.n'),
        value('b', 'steps.a.output + 1'),
        value('c', '{"sum": steps.a.output + steps.b.output}'),
      ],
      ['a > b', 'b > c'],
      { n: 20 },
    );
    expect(run).toMatchObject({
      status: 'completed',
      output: { c: { sum: 41 } },
      context: { a: 20, b: 21, c: { sum: 41 } },
      steps_total: 3,
      steps_completed: 3,
      error: null,
    });
    expect(statuses).toEqual({ a: 'completed', b: 'completed', c: 'completed' });
    const at = all.map((step) => Date.parse(step.started_at ?? ''));
    expect(at).toEqual(at.toSorted((x, y) => x - y));
    expect(Number(run.duration_ms)).toBeGreaterThanOrEqual(0);
  });

  test('the ids of broadcasts are ordered by time (UUID version 7)', async () => {
    const { run } = await b.run([value('a')]);
    const { rows } = await b.db.query<{ version: string }>(
      `select distinct substr(m.id::text, 15, 1) as version
       from realtime.messages m where m.topic = 'stepbase:run:' || $1`,
      [run.id],
    );
    expect(rows).toEqual([{ version: '7' }]);
  });

  test('a graph can have several first and several last steps', async () => {
    const { run } = await b.run(
      [value('a'), value('b', '2'), value('c', '3'), value('d', '4')],
      ['a > c'],
    );
    expect(run.output).toEqual({ b: 2, c: 3, d: 4 });
  });

  test('a join waits for all its branches', async () => {
    const { id } = await b.start(
      await b.publish(
        [
          value('a'),
          value('quick', '2'),
          node('slow', 'wait_for_signal', { signal_name: 'go' }),
          value('last', '3'),
          value('join', 'steps.quick.output + steps.last.output'),
        ],
        ['a > quick', 'a > slow', 'slow > last', 'quick > join', 'last > join'],
      ),
    );
    await Promise.all([b.stepIs(id, 'quick', 'completed'), b.stepIs(id, 'slow', 'waiting')]);
    const { statuses } = await readRun(b.developer, id);
    expect(statuses.join ?? 'pending').toBe('pending');
    await b.developer.rpc('send_signal', { run_id: id, signal_name: 'go' });
    const { run } = await b.ended(id);
    expect(run).toMatchObject({ status: 'completed', output: { join: 5 } });
  });

  test('a join of any continues with the first branch, and only once', async () => {
    const { id } = await b.start(
      await b.publish(
        [
          value('quick'),
          node('slow', 'wait_for_signal', { signal_name: 'go' }),
          value('join', '"went on"', { join: 'any' }),
        ],
        ['quick > join', 'slow > join'],
      ),
    );
    await Promise.all([b.stepIs(id, 'join', 'completed'), b.stepIs(id, 'slow', 'waiting')]);
    await b.developer.rpc('send_signal', { run_id: id, signal_name: 'go' });
    const { run, all } = await b.ended(id);
    expect(run).toMatchObject({ status: 'completed', output: { join: 'went on' } });
    expect(all.filter((s) => s.step_id === 'join')).toHaveLength(1);
  });

  test('a join of any is skipped if no branch reaches it', async () => {
    const { statuses } = await b.run(
      [
        node('c', 'condition', { expression: 'false' }),
        value('x'),
        value('y'),
        value('join', '1', { join: 'any' }),
      ],
      ['c > x : true', 'c > y : true', 'x > join', 'y > join'],
    );
    expect(statuses).toEqual({ c: 'completed', x: 'skipped', y: 'skipped', join: 'skipped' });
  });

  test.each([
    ['red', { stop: 'completed', wait: 'skipped', go: 'skipped' }],
    ['amber', { stop: 'skipped', wait: 'completed', go: 'skipped' }],
    ['green', { stop: 'skipped', wait: 'skipped', go: 'completed' }],
    ['blue', { stop: 'skipped', wait: 'skipped', go: 'skipped' }],
  ])('a condition with labelled branches takes the one it names: %s', async (light, taken) => {
    const { run, statuses, step } = await b.run(
      [
        node('light', 'condition', { expression: 'input.light' }),
        value('stop'),
        value('wait'),
        value('go'),
      ],
      ['light > stop : red', 'light > wait : amber', 'light > go : green'],
      { light },
    );
    expect(step('light').handle).toBe(light);
    expect(statuses).toEqual({ light: 'completed', ...taken });
    expect(run).toMatchObject({ status: 'completed', steps_completed: 4 });
  });

  test('two edges with the same label are both taken; an edge without a label is always taken', async () => {
    const { statuses } = await b.run(
      [
        node('c', 'condition', { expression: 'true' }),
        value('x'),
        value('y'),
        value('always'),
        value('never'),
      ],
      ['c > x : true', 'c > y : true', 'c > always', 'c > never : false'],
    );
    expect(statuses).toEqual({
      c: 'completed',
      x: 'completed',
      y: 'completed',
      always: 'completed',
      never: 'skipped',
    });
  });

  test('skipping passes through diamonds and ends at a join that another branch reaches', async () => {
    const { run, statuses } = await b.run(
      [
        node('c', 'condition', { expression: 'true' }),
        value('yes', '"yes"'),
        value('no'),
        value('no_left'),
        value('no_right'),
        value('no_join'),
        value('end', '$exists(steps.no_join.output) ? "both" : steps.yes.output'),
      ],
      [
        'c > yes : true',
        'c > no : false',
        'no > no_left',
        'no > no_right',
        'no_left > no_join',
        'no_right > no_join',
        'no_join > end',
        'yes > end',
      ],
    );
    expect(statuses).toEqual({
      c: 'completed',
      yes: 'completed',
      no: 'skipped',
      no_left: 'skipped',
      no_right: 'skipped',
      no_join: 'skipped',
      end: 'completed',
    });
    expect(run.output).toEqual({ end: 'yes' });
  });

  test('a fan-out to two hundred steps joins again', async () => {
    const ids = Array.from({ length: 200 }, (_, i) => `w${i}`);
    const { run, statuses } = await b.run(
      [
        value('split', 'input.n'),
        ...ids.map((id, i) => value(id, `steps.split.output * ${i}`)),
        value('join', '$sum([steps.w1.output, steps.w99.output, steps.w199.output])'),
      ],
      ids.flatMap((id) => [`split > ${id}`, `${id} > join`]),
      { n: 3 },
    );
    expect(run).toMatchObject({
      status: 'completed',
      output: { join: 3 * (1 + 99 + 199) },
      steps_total: 202,
      steps_completed: 202,
    });
    expect(new Set(Object.values(statuses))).toEqual(new Set(['completed']));
  });
});
