// Turns by a clock that the test advances: each turn takes as long as the test says.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { systemClock } from '../_shared/clock/clock.ts';
import { handClock, settled } from '../_shared/clock/testing.ts';
import { evaluate, nextTurn } from '../_shared/expressions/index.ts';
import { Turns } from './turns.ts';

function setup() {
  const clock = handClock();
  const turns = new Turns({ clock, breathe: () => Promise.resolve() });
  const order: { app: string; at: number }[] = [];
  /** Asks for a turn that takes `ms`. */
  const ask = (app: string, ms = 0) =>
    turns.run(app, async () => {
      order.push({ app, at: clock.now() });
      if (ms > 0) await new Promise<void>((resolve) => clock.after(ms, resolve));
    });
  return { clock, turns, order, ask };
}

Deno.test('with k apps no app waits for more than k turns of others', async () => {
  const requests = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 80 });
  await fc.assert(
    fc.asyncProperty(requests, async (apps) => {
      const s = setup();
      for (const app of apps) void s.ask(app, 1);
      await settled();
      await s.clock.advance(1_000);
      assert.equal(s.order.length, apps.length);
      const left = new Map<string, number>();
      for (const app of apps) left.set(app, (left.get(app) ?? 0) + 1);
      const waits = new Map<string, number>();
      for (const { app } of s.order) {
        assert.ok((waits.get(app) ?? 0) <= new Set(apps).size);
        left.set(app, (left.get(app) ?? 0) - 1);
        waits.set(app, 0);
        for (const [other, count] of left) {
          if (other !== app && count > 0) waits.set(other, (waits.get(other) ?? 0) + 1);
        }
      }
    }),
    { numRuns: 50 },
  );
});

Deno.test('an app alone does not rest, however long its turns are', async () => {
  const s = setup();
  for (let i = 0; i < 10; i += 1) void s.ask('alone', 300);
  await s.clock.advance(3_000);
  assert.deepEqual(
    s.order.map(({ at }) => at),
    [0, 300, 600, 900, 1_200, 1_500, 1_800, 2_100, 2_400, 2_700],
  );
});

Deno.test('an app with long turns uses a third of the time while another app is active', async () => {
  const s = setup();
  for (let i = 0; i < 100; i += 1) void s.ask('greedy', 700);
  const waits: number[] = [];
  for (let i = 0; i < 300; i += 1) {
    const at = s.clock.now();
    void s.ask('modest', 1).then(() => waits.push(s.clock.now() - at));
    await settled();
    await s.clock.advance(100);
  }
  const greedy = s.order.filter(({ app }) => app === 'greedy').length;
  assert.ok(greedy >= 10 && greedy <= 16, `${greedy} turns of 700 ms in 30 s`);
  assert.ok(
    waits.every((ms) => ms <= 702),
    `${Math.max(...waits)} ms`,
  );
  waits.sort((a, b) => a - b);
  assert.ok((waits[150] ?? 0) <= 2, `median ${waits[150]} ms`);
});

Deno.test('an error ends the turn', async () => {
  const s = setup();
  await assert.rejects(
    s.turns.run('a', () => Promise.reject(new Error('no'))),
    /no/,
  );
  await s.ask('b');
  assert.deepEqual([s.order.length, s.turns.waiting], [1, 0]);
});

const scope = { input: {}, steps: {}, context: {}, run: {} };
/** Takes several slices of 20 ms, and also on a busy machine less than the two seconds that an expression may take. */
const LONG = '$sum([1..40000].($ % 7))';

Deno.test('a long expression gives its turn to other apps between slices, and continues', async () => {
  const turns = new Turns({ clock: systemClock });
  const order: string[] = [];
  const ask = (app: string, name: string, expression: string) =>
    turns
      .run(app, () => evaluate(expression, scope))
      .then((value) => order.push(`${name} ${value}`));
  const long = ask('greedy', 'long', LONG);
  await Promise.all([ask('modest', 'first', '2'), ask('third', 'second', '3')]);
  assert.deepEqual(order, ['first 2', 'second 3']);
  await long;
  assert.match(order[2] ?? '', /^long \d+$/);
  await settled();
  assert.equal(turns.waiting, 0);
});

Deno.test('the expressions of one app do not run side by side, so that few are half done', async () => {
  const turns = new Turns({ clock: systemClock });
  let [open, most] = [0, 0];
  const ask = () =>
    turns.run('greedy', async () => {
      open += 1;
      most = Math.max(most, open);
      await evaluate(LONG, scope);
      open -= 1;
    });
  let isOver = false;
  const other = (async () => {
    while (!isOver) {
      await turns.run('modest', () => evaluate('1', scope));
      await nextTurn();
    }
  })();
  await Promise.all([ask(), ask(), ask()]);
  isOver = true;
  await other;
  assert.equal(most, 1);
});

Deno.test('the time in which others have the turn does not count towards the limits', async () => {
  const turns = new Turns({ clock: systemClock });
  let queued = 0;
  const queueing = async (wait: Promise<void>) => {
    const startedAt = systemClock.now();
    await wait;
    queued += systemClock.now() - startedAt;
  };
  const long = turns.run('a', () => evaluate(LONG, scope), queueing);
  await turns.run('b', () => new Promise<void>((resolve) => setTimeout(resolve, 3_000)));
  await long;
  assert.ok(queued >= 2_900, `${queued} ms`);
});
