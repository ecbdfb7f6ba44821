// The states of a worker: the allowed transitions, the steps that a stop waits for, and the idle state.

import assert from 'node:assert/strict';
import { handClock, settled } from '../_shared/clock/testing.ts';
import { Lifecycle, TRANSITIONS, type WorkerState } from './lifecycle.ts';

const AMPLE = { spent: false, spentBy: undefined, wallLeftMs: 60_000 };

function setup({ isBusy = false, handedBack = Promise.resolve() } = {}) {
  const clock = handClock();
  const calls: string[] = [];
  const inFlight = { isBusy, more: 0, left: false };
  const lifecycle = new Lifecycle({
    clock,
    isBusy: () => inFlight.isBusy,
    continueInvocation() {
      calls.push('continue');
      inFlight.more -= 1;
      return inFlight.more >= 0;
    },
    async handBack() {
      calls.push(`hand back at ${clock.now()}`);
      await handedBack;
      return inFlight.left;
    },
  });
  return { clock, calls, inFlight, lifecycle };
}

/** Brings a lifecycle into a state. */
async function enter(lifecycle: Lifecycle, state: WorkerState): Promise<void> {
  if (state === 'created') return;
  lifecycle.run();
  if (state === 'running') return;
  const stopped = lifecycle.stop(0);
  if (state === 'stopped') await stopped;
}

const STATES = Object.keys(TRANSITIONS) as WorkerState[];

for (const state of STATES) {
  const mayRun = TRANSITIONS[state].includes('running');
  Deno.test(`a worker that is ${state} ${mayRun ? 'may' : 'cannot'} run`, async () => {
    const handBack = Promise.withResolvers<void>();
    if (state === 'stopped') handBack.resolve();
    const { lifecycle } = setup({ handedBack: handBack.promise });
    await enter(lifecycle, state);
    assert.equal(lifecycle.state, state);
    if (mayRun) {
      lifecycle.run();
      assert.equal(lifecycle.state, 'running');
    } else {
      const message = `a worker that is ${state} cannot become running`;
      assert.throws(() => lifecycle.run(), { message });
      assert.equal(lifecycle.state, state);
    }
    handBack.resolve();
  });

  Deno.test(`a worker that is ${state} ends as stopped`, async () => {
    const { lifecycle, calls } = setup();
    await enter(lifecycle, state);
    await lifecycle.stop(0);
    assert.equal(lifecycle.state, 'stopped');
    assert.equal(calls.length, state === 'created' ? 0 : 1);
  });
}

Deno.test('every state of the table can be reached', () => {
  const reached = new Set<WorkerState>(['created', ...Object.values(TRANSITIONS).flat()]);
  assert.deepEqual([...reached].sort(), STATES.sort());
});

Deno.test('only a running worker with a budget accepts work', async () => {
  const { lifecycle } = setup();
  assert.equal(lifecycle.acceptsWork, false);
  const budget = { ...AMPLE };
  lifecycle.run(budget);
  assert.equal(lifecycle.acceptsWork, true);
  budget.spent = true;
  assert.deepEqual([lifecycle.acceptsWork, lifecycle.isRunning], [false, true]);
  await lifecycle.stop(0);
  lifecycle.run();
  assert.equal(lifecycle.acceptsWork, true);
});

Deno.test('a stop waits for the steps in flight, at most for the grace time', async () => {
  const { lifecycle, clock, calls } = setup({ isBusy: true });
  lifecycle.run();
  const stopped = lifecycle.stop(5_000);
  assert.deepEqual([lifecycle.state, lifecycle.acceptsWork], ['draining', false]);
  await clock.advance(4_999);
  assert.deepEqual(calls, []);
  await clock.advance(1);
  await stopped;
  assert.deepEqual(calls, ['hand back at 5000']);
});

Deno.test('a stop ends early when the worker becomes idle', async () => {
  const { lifecycle, clock, calls, inFlight } = setup({ isBusy: true });
  lifecycle.run();
  const stopped = lifecycle.stop(5_000);
  await clock.advance(1_000);
  inFlight.isBusy = false;
  lifecycle.checkIdle();
  await stopped;
  assert.deepEqual([calls, clock.due], [['hand back at 1000'], []]);
});

Deno.test('a second stop joins the first and has its result', async () => {
  const { lifecycle, calls, inFlight } = setup();
  inFlight.left = true;
  lifecycle.run();
  assert.deepEqual(await Promise.all([lifecycle.stop(0), lifecycle.stop(5_000)]), [true, true]);
  assert.equal(await lifecycle.stop(0), true);
  assert.equal(calls.length, 1);
});

Deno.test('an idle invocation continues as long as it finds work', async () => {
  const { lifecycle, calls, inFlight } = setup({ isBusy: true });
  lifecycle.run(AMPLE);
  let isIdle: boolean | undefined;
  void lifecycle.idle(1_000).then((value) => {
    isIdle = value;
  });
  inFlight.isBusy = false;
  inFlight.more = 1;
  lifecycle.checkIdle();
  await settled();
  assert.deepEqual([calls, isIdle], [['continue'], undefined]);
  lifecycle.checkIdle();
  await settled();
  assert.deepEqual([calls, isIdle], [['continue', 'continue'], true]);
});

Deno.test('an idle resident worker, or an invocation without budget, does not search for work', () => {
  const { lifecycle, calls } = setup();
  lifecycle.run();
  lifecycle.checkIdle();
  const other = setup();
  other.lifecycle.run({ ...AMPLE, spent: true });
  other.lifecycle.checkIdle();
  assert.deepEqual([calls, other.calls], [[], []]);
});
