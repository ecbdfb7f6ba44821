// Timers that are due: a run whose wake takes too long fails, and the others are woken.

import assert from 'node:assert/strict';
import { handClock, settled } from '../_shared/clock/testing.ts';
import { DueTimers } from './due-timers.ts';
import { createTimers } from './timers.ts';

const TOO_LONG = Object.assign(new Error('canceling statement'), { code: '57014' });

function setup(due: Map<string, 'good' | 'slow'>) {
  const clock = handClock();
  const timers = createTimers(clock);
  timers.start();
  const woken: string[] = [];
  const failed: string[] = [];
  const errors: string[] = [];
  const later = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
  const isSlow = () => [...due.values()].includes('slow');
  const dueTimers: DueTimers = new DueTimers({
    engine: {
      async wake() {
        if (isSlow()) {
          await later(15_000);
          throw TOO_LONG;
        }
        woken.push(...due.keys());
        due.clear();
        return {
          inMs: undefined,
          schedules: false,
          messages: false,
          checks: false,
          deliveries: false,
          mails: false,
          outputs: false,
          operations: false,
        };
      },
      dueRuns: () => Promise.resolve([...due.keys()]),
      async wakeRun(runId) {
        if (due.get(runId) === 'slow') {
          await later(15_000);
          throw TOO_LONG;
        }
        due.delete(runId);
        woken.push(runId);
      },
      failUnwakeable(runId) {
        due.delete(runId);
        failed.push(runId);
        return Promise.resolve();
      },
      dueSchedules: () => Promise.resolve([]),
      fireSchedules: () => Promise.resolve(),
      startQueuedRuns: () => Promise.resolve(),
      dueBackfills: () => Promise.resolve([]),
      planBackfill: () => Promise.resolve(),
      advanceBackfills: () => Promise.resolve(),
    },
    timers,
    acceptsWork: () => true,
    onChecks: () => undefined,
    onDeliveries: () => undefined,
    onMails: () => undefined,
    onOutputs: () => undefined,
    onOperations: () => undefined,
    onDue: () => dueTimers.start(true),
    onFired: () => undefined,
    onIdle: () => undefined,
    onError: (message) => errors.push(message),
  });
  return { clock, dueTimers, woken, failed, errors };
}

Deno.test('of the due runs only the one that takes too long fails', async () => {
  const s = setup(new Map([...'abcdefg'].map((id) => [id, id === 'd' ? 'slow' : 'good'])));
  s.dueTimers.start(true);
  await s.clock.advance(15_000);
  assert.deepEqual(s.woken, ['a', 'b', 'c'], 'the runs before it do not wait for it');
  await s.clock.advance(15_000);
  assert.deepEqual([s.woken, s.failed], [[...'abcefg'], ['d']]);
  assert.deepEqual([s.dueTimers.isBusy, s.dueTimers.hasFailed], [false, false]);
});

Deno.test('an error that no run has caused is retried after a second', async () => {
  const s = setup(new Map());
  let calls = 0;
  const away = new DueTimers({
    engine: {
      wake: () => {
        calls += 1;
        if (calls < 3) return Promise.reject(new Error('Connection terminated'));
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
      },
      dueRuns: () => Promise.reject(new Error('not expected')),
      wakeRun: () => Promise.reject(new Error('not expected')),
      failUnwakeable: () => Promise.reject(new Error('not expected')),
      dueSchedules: () => Promise.resolve([]),
      fireSchedules: () => Promise.resolve(),
      startQueuedRuns: () => Promise.resolve(),
      dueBackfills: () => Promise.resolve([]),
      planBackfill: () => Promise.resolve(),
      advanceBackfills: () => Promise.resolve(),
    },
    timers: (() => {
      const timers = createTimers(s.clock);
      timers.start();
      return timers;
    })(),
    acceptsWork: () => true,
    onChecks: () => undefined,
    onDeliveries: () => undefined,
    onMails: () => undefined,
    onOutputs: () => undefined,
    onOperations: () => undefined,
    onDue: () => away.start(true),
    onFired: () => undefined,
    onIdle: () => undefined,
    onError: () => undefined,
  });
  away.start(true);
  await settled();
  assert.deepEqual([calls, away.hasFailed], [1, true]);
  await s.clock.advance(2_000);
  assert.deepEqual([calls, away.hasFailed], [3, false]);
});

Deno.test('a call at the end of another one is not lost, whichever step of it ends', async () => {
  for (let turn = 0; turn < 12; turn += 1) {
    const due = new Map([['first', 'good']]) as Map<string, 'good' | 'slow'>;
    const s = setup(due);
    s.dueTimers.start(true);
    for (let left = turn; left > 0; left -= 1) await Promise.resolve();
    due.set('second', 'good');
    s.dueTimers.start(true);
    await settled();
    assert.deepEqual([turn, s.woken], [turn, ['first', 'second']]);
    assert.equal(s.dueTimers.isBusy, false);
  }
});
