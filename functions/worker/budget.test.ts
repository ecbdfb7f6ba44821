// A budget is spent when a limit is reached: wall-clock time, CPU time and, where the platform does not report CPU
// time, steps and blocked time.

import assert from 'node:assert/strict';
import { handClock } from '../_shared/clock/testing.ts';
import { type BudgetSources, measureBlockedTime, startBudget } from './budget.ts';

const LIMITS = { wallMs: 100, cpuMs: 20, steps: 7 };

interface At {
  now: number;
  cpu: number | undefined;
  steps: number;
  blocked: number;
}

function movable(overrides: Partial<At> = {}, sources: Partial<BudgetSources> = {}) {
  const at: At = { now: 1_000, cpu: 500, steps: 3, blocked: 40, ...overrides };
  const start = (limits = LIMITS) =>
    startBudget(limits, {
      clock: { now: () => at.now },
      cpu: () => at.cpu,
      steps: () => at.steps,
      blocked: () => at.blocked,
      ...sources,
    });
  return { at, start };
}

Deno.test('a new budget is unspent even if the process has used CPU time before', () => {
  const { start } = movable();
  const budget = start();
  assert.deepEqual([budget.spent, budget.spentBy, budget.wallLeftMs], [false, undefined, 100]);
});

Deno.test('a budget is spent at its limit of wall-clock time', () => {
  const { at, start } = movable();
  const budget = start();
  at.now += 99;
  assert.deepEqual([budget.spent, budget.wallLeftMs], [false, 1]);
  at.now += 1;
  assert.deepEqual([budget.spent, budget.spentBy, budget.wallLeftMs], [true, 'wall', 0]);
});

Deno.test('the age of the isolate is taken off the wall-clock budget, down to 30 seconds', () => {
  for (const [age, left] of [
    [0, 120_000],
    [74_000, 46_000],
    [100_000, 30_000],
    [1_000_000, 30_000],
  ] as const) {
    const budget = movable({}, { ageMs: age }).start({ ...LIMITS, wallMs: 120_000 });
    assert.equal(budget.wallLeftMs, left);
  }
  assert.equal(movable({}, { ageMs: 9_999 }).start().wallLeftMs, 100);
});

Deno.test('a budget is spent at its limit of CPU time', () => {
  const { at, start } = movable();
  const budget = start();
  at.cpu = 519;
  assert.equal(budget.spent, false);
  at.cpu = 520;
  assert.deepEqual([budget.spent, budget.spentBy, budget.wallLeftMs], [true, 'cpu', 100]);
});

Deno.test('where CPU time is reported, neither steps nor blocked time count', () => {
  const { at, start } = movable();
  const budget = start();
  Object.assign(at, { cpu: 501, steps: 10_000, blocked: 10_000 });
  assert.equal(budget.spent, false);
});

// What blind clocks return: nothing, zeros as on hosted Supabase, and a value that never moves.
for (const cpu of [undefined, 0, 61.5]) {
  Deno.test(`steps limit the budget where CPU time is always ${cpu}`, () => {
    const limits = { ...LIMITS, steps: 12 };
    const { at, start } = movable({ cpu });
    const budget = start(limits);
    at.steps += 11;
    assert.equal(budget.spent, false);
    at.steps += 1;
    assert.deepEqual([budget.spent, budget.spentBy], [true, 'steps']);
  });

  Deno.test(`blocked time limits the budget where CPU time is always ${cpu}`, () => {
    const { at, start } = movable({ cpu });
    const budget = start({ ...LIMITS, steps: 1_000 });
    at.steps += 10;
    at.blocked += 19;
    assert.equal(budget.spent, false);
    at.blocked += 1;
    assert.equal(budget.spentBy, 'cpu');
  });
}

Deno.test('a blind clock is reported once per process', () => {
  let reports = 0;
  const onBlind = () => {
    reports += 1;
  };
  for (let invocation = 0; invocation < 3; invocation += 1) {
    const { start } = movable({ cpu: 0 }, { onBlind });
    const budget = start();
    void budget.spent;
    void budget.spent;
  }
  assert.equal(reports, 1);
});

Deno.test('the time for which the event loop is blocked is summed up', async () => {
  const clock = handClock();
  const late = { ms: 0 };
  const blocked = measureBlockedTime(
    { now: () => clock.now() + late.ms, after: (ms, action) => clock.after(ms, action) },
    10,
  );
  await clock.advance(50);
  assert.equal(blocked.ms, 0);
  late.ms += 33;
  await clock.advance(10);
  assert.equal(blocked.ms, 33);
  late.ms += 7;
  await clock.advance(20);
  assert.equal(blocked.ms, 40);
  blocked.stop();
  assert.deepEqual(clock.due, []);
});

Deno.test('timers that are a little late, as those of an idle process are, do not use the budget', async () => {
  const clock = handClock();
  const late = { ms: 0 };
  const blocked = measureBlockedTime(
    { now: () => clock.now() + late.ms, after: (ms, action) => clock.after(ms, action) },
    10,
  );
  for (let i = 0; i < 200; i += 1) {
    late.ms += i % 3;
    await clock.advance(10);
  }
  assert.equal(blocked.ms, 0);
  blocked.stop();
});
