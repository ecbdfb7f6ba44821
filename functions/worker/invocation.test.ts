// Invocations: one at a time, what a call meanwhile does, the last look in the background, and heartbeats in order.

import assert from 'node:assert/strict';
import { handClock, settled } from '../_shared/clock/testing.ts';
import type { Engine, Heartbeat } from './engine/engine.ts';
import { createInvocations, withOrderedHeartbeats } from './invocation.ts';

const BUDGET = { spent: false, spentBy: undefined, wallLeftMs: 60_000 };
type Done = { steps: number; more: boolean };

/** `looks`: the results of the looks for work; a look without a result lasts until `finish`. */
function setup(
  looks: Done[],
  options: { inBackground?: boolean; budget?: typeof BUDGET; fails?: boolean } = {},
) {
  const clock = handClock();
  const events: string[] = [];
  let finish = (_: Done) => {};
  const invocations = createInvocations({
    clock,
    worker: {
      wake: () => events.push('wake'),
      runWithin() {
        events.push('look');
        const next = looks.shift();
        if (next) return Promise.resolve(next);
        return new Promise((resolve) => {
          finish = resolve;
        });
      },
    },
    startBudget: () => options.budget ?? BUDGET,
    beat(status) {
      events.push(status);
      return Promise.resolve();
    },
    callAgain() {
      events.push('call again');
      return options.fails ? Promise.reject(new Error('no pg_net')) : Promise.resolve();
    },
    onError: (message) => events.push(message),
    inBackground: options.inBackground ?? false,
  });
  return { clock, events, invocations, finish: (done: Done) => finish(done) };
}

Deno.test('a call that waits for the result looks once', async () => {
  const { events, invocations } = setup([{ steps: 3, more: false }]);
  assert.deepEqual(await invocations.call(), { steps: 3, more: false, spent: null });
  assert.deepEqual(events, ['look', 'stopped']);
});

Deno.test('a call during an invocation joins it and makes it look for work', async () => {
  const { events, invocations, finish } = setup([]);
  const first = invocations.call();
  const second = invocations.call();
  finish({ steps: 1, more: true });
  assert.deepEqual(await first, await second);
  assert.deepEqual(events, ['look', 'wake', 'stopped']);
});

Deno.test('with steps in flight it polls every second and writes a heartbeat every five', async () => {
  const { clock, events, invocations, finish } = setup([]);
  const done = invocations.call();
  await clock.advance(10_000);
  assert.equal(events.filter((event) => event === 'wake').length, 10);
  assert.equal(events.filter((event) => event === 'running').length, 2);
  finish({ steps: 1, more: false });
  await done;
  assert.deepEqual(clock.due, []);
});

Deno.test('in the background it looks again after a second, until it finds nothing', async () => {
  const looks = [4, 2, 0].map((steps) => ({ steps, more: false }));
  const { clock, events, invocations } = setup(looks, { inBackground: true });
  const done = invocations.call();
  await settled();
  await clock.advance(999);
  assert.deepEqual(events, ['look', 'stopped']);
  await clock.advance(1_001);
  assert.deepEqual(await done, { steps: 6, more: false, spent: null });
  assert.deepEqual(events, ['look', 'stopped', 'look', 'stopped', 'look', 'stopped']);
});

Deno.test('in the background it looks again although it has found nothing: a run may be a moment late', async () => {
  const looks = [0, 1, 0].map((steps) => ({ steps, more: false }));
  const { clock, invocations } = setup(looks, { inBackground: true });
  const done = invocations.call();
  await settled();
  await clock.advance(2_000);
  assert.deepEqual(await done, { steps: 1, more: false, spent: null });
});

Deno.test('a call ends the pause, and the last look follows a second after the last call', async () => {
  const looks = [0, 0, 0, 0].map((steps) => ({ steps, more: false }));
  const { clock, events, invocations } = setup(looks, { inBackground: true });
  const done = invocations.call();
  await settled();
  await clock.advance(700);
  void invocations.call();
  await settled();
  assert.deepEqual(events.splice(0), ['look', 'stopped', 'wake', 'look', 'stopped']);
  await clock.advance(900);
  void invocations.call();
  await settled();
  assert.deepEqual(events.splice(0), ['wake', 'look', 'stopped']);
  await clock.advance(999);
  assert.deepEqual(events, []);
  await clock.advance(1);
  await done;
  assert.deepEqual(events, ['look', 'stopped']);
});

const SPENT = { ...BUDGET, spent: true, spentBy: 'steps' as unknown as undefined };

Deno.test('when the budget is spent, or the isolate ends, it calls again instead of looking again', async () => {
  const one = setup([{ steps: 9, more: true }], { inBackground: true, budget: SPENT });
  const first = one.invocations.call();
  await settled();
  // The database makes no second call within a second.
  assert.deepEqual(one.events, ['look', 'stopped']);
  await one.clock.advance(1_000);
  assert.deepEqual(await first, { steps: 9, more: true, spent: 'steps' });
  assert.deepEqual(one.events, ['look', 'stopped', 'call again']);

  const other = setup([{ steps: 9, more: true }], { inBackground: true });
  const done = other.invocations.call();
  await settled();
  other.invocations.close();
  assert.deepEqual(await done, { steps: 9, more: true, spent: null });
  assert.deepEqual(other.events, ['look', 'stopped', 'call again']);
});

Deno.test('it does not call again when nothing is left, when it executed no step, or when the caller waits', async () => {
  for (const [looked, options] of [
    [
      { steps: 9, more: false },
      { inBackground: true, budget: SPENT },
    ],
    [
      { steps: 0, more: true },
      { inBackground: true, budget: SPENT },
    ],
    [
      { steps: 9, more: true },
      { inBackground: false, budget: SPENT },
    ],
  ] as const) {
    const { events, invocations } = setup([looked], options);
    await invocations.call();
    assert.deepEqual(events, ['look', 'stopped']);
  }
});

Deno.test('a call that joins an invocation whose budget is spent is not lost', async () => {
  for (const steps of [0, 1]) {
    const { clock, events, invocations, finish } = setup([], {
      inBackground: true,
      budget: SPENT,
    });
    const done = invocations.call();
    await clock.advance(4_300);
    void invocations.call();
    finish({ steps, more: true });
    await clock.advance(999);
    assert.ok(!events.includes('call again'), 'the database would leave it out');
    await clock.advance(1);
    await done;
    assert.equal(events.at(-1), 'call again');
  }
});

Deno.test('it does not call again when a call has started the next invocation', async () => {
  const { clock, events, invocations, finish } = setup([{ steps: 1, more: true }], {
    inBackground: true,
    budget: SPENT,
  });
  const first = invocations.call();
  await settled();
  await clock.advance(500);
  void invocations.call();
  await clock.advance(1_000);
  await first;
  assert.ok(!events.includes('call again'));
  finish({ steps: 0, more: false });
});

Deno.test('a call that fails is reported; the invocation ends as usual', async () => {
  const options = { inBackground: true, budget: SPENT, fails: true };
  const { clock, events, invocations } = setup([{ steps: 1, more: true }], options);
  const done = invocations.call();
  await settled();
  await clock.advance(1_000);
  assert.deepEqual(await done, { steps: 1, more: true, spent: 'steps' });
  assert.deepEqual(events.slice(2), ['call again', 'the next invocation could not be requested']);
});

Deno.test('heartbeats are written one after another, also when one fails', async () => {
  const written: string[] = [];
  const held: (() => void)[] = [];
  const write = (what: string) =>
    new Promise<void>((resolve, reject) => {
      held.push(() => {
        written.push(what);
        if (what === 'fails') reject(new Error(what));
        else resolve();
      });
    });
  const engine = withOrderedHeartbeats({
    heartbeat: ({ status }: Heartbeat) => write(status),
    expireLeases: (_: number, { status }: Heartbeat) => write(status).then(() => 0),
  } as unknown as Engine);
  const beat = (status: string) => ({ status }) as Heartbeat;
  const first = engine.expireLeases(60, beat('fails')).catch(() => 'failed');
  const second = engine.heartbeat(beat('stopped'));
  await settled();
  assert.equal(held.length, 1);
  held[0]?.();
  assert.equal(await first, 'failed');
  await settled();
  held[1]?.();
  await second;
  assert.deepEqual(written, ['fails', 'stopped']);
});
