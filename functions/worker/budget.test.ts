// A budget is spent when either limit is reached; where CPU time is not reported, only the wall clock counts.

import assert from 'node:assert/strict';
import { startBudget } from './budget.ts';

const LIMITS = { wallMs: 100, cpuMs: 20 };

function movable() {
  const at: { now: number; cpu?: number | undefined } = { now: 1_000, cpu: 500 };
  return { at, start: () => startBudget(LIMITS, { now: () => at.now }, () => at.cpu) };
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

Deno.test('a budget is spent at its limit of CPU time', () => {
  const { at, start } = movable();
  const budget = start();
  at.cpu = 519;
  assert.equal(budget.spent, false);
  at.cpu = 520;
  assert.deepEqual([budget.spent, budget.spentBy, budget.wallLeftMs], [true, 'cpu', 100]);
});

Deno.test('without a report of CPU time, only the wall clock counts', () => {
  const { at, start } = movable();
  at.cpu = undefined;
  const budget = start();
  at.now += 99;
  assert.equal(budget.spent, false);
  at.now += 1;
  assert.equal(budget.spentBy, 'wall');
});
