// The periodic work of a worker and its timers, with a clock that the test advances.

import assert from 'node:assert/strict';
import { handClock, settled } from '../_shared/clock/testing.ts';
import type { Engine, Work } from './engine/engine.ts';
import { setupWorker, transform, workOf } from './testing.ts';

Deno.test('after a concurrency slot is freed, the worker searches for waiting runs three more times', async () => {
  const clock = handClock();
  const admitted: number[] = [];
  const admit: Engine['admit'] = () => {
    admitted.push(clock.now());
    return Promise.resolve({ admitted: 0, hasBacklog: false });
  };
  const s = setupWorker(0, [transform('a', '1')], { engine: { admit }, clock });
  s.worker.start();
  await settled();
  await clock.advance(10_000);
  admitted.length = 0;
  s.worker.wake({ kind: 'admit' });
  await clock.advance(10_000);
  assert.deepEqual(admitted, [10_000, 10_030, 10_300, 13_000]);
  await s.worker.stop(0);
  assert.deepEqual(clock.due, []);
});

Deno.test('without wake-ups a worker searches for work at every poll', async () => {
  const clock = handClock();
  let relays = 0;
  const readOutbox: Engine['readOutbox'] = () => {
    relays += 1;
    return Promise.resolve({ apps: [], messages: [], full: false });
  };
  const s = setupWorker(0, [transform('a', '1')], { engine: { readOutbox }, clock });
  s.worker.start();
  await settled();
  await clock.advance(59_999);
  assert.equal(relays, 1);
  await clock.advance(1);
  assert.equal(relays, 2);
  await s.worker.stop(0);
});

Deno.test('the worker renews the lease of a token as long as its step takes, and no longer', async () => {
  const clock = handClock();
  const claimed = Promise.withResolvers<Work[]>();
  const s = setupWorker(1, [transform('a', '1')], {
    engine: { claim: () => claimed.promise },
    clock,
  });
  s.worker.start();
  await settled();
  await clock.advance(60_000);
  assert.deepEqual(s.renewed, ['j0', 'j0', 'j0']);
  claimed.resolve([workOf({ jobId: 'j0', delivery: 0, runId: 'r0', hasBacklog: false })]);
  await s.until(() => s.completed.length === 1);
  await settled();
  await clock.advance(60_000);
  assert.equal(s.renewed.length, 3);
  await s.worker.stop(0);
});

Deno.test('the worker fires timers of the database when they are due', async () => {
  const clock = handClock();
  const calls: number[] = [];
  const wake: Engine['wake'] = () => {
    calls.push(clock.now());
    return Promise.resolve({
      inMs: calls.length === 1 ? 20_000 : undefined,
      schedules: false,
      checks: false,
      deliveries: false,
      mails: false,
      outputs: false,
      operations: false,
      messages: false,
    });
  };
  const s = setupWorker(0, [transform('a', '1')], { engine: { wake }, clock });
  s.worker.start();
  await settled();
  await clock.advance(50_000);
  assert.deepEqual(calls, [0, 20_000]);
  await s.worker.stop(0);
});

Deno.test('a search for work that fails is reported and repeated after a second', async () => {
  const clock = handClock();
  const calls: number[] = [];
  const wake: Engine['wake'] = () => {
    calls.push(clock.now());
    if (calls.length === 1) return Promise.reject(new Error('away'));
    return Promise.resolve({
      inMs: undefined,
      schedules: false,
      messages: false,
      checks: false,
      deliveries: false,
      mails: false,
      outputs: false,
      operations: false,
    });
  };
  const s = setupWorker(0, [transform('a', '1')], { engine: { wake }, clock });
  s.worker.start();
  await settled();
  await clock.advance(5_000);
  assert.deepEqual(calls, [0, 1_000]);
  assert.deepEqual(s.errors, [
    'the timers that are due could not be fired; retrying in 1 s: Error: away',
  ]);
  await s.worker.stop(0);
});
