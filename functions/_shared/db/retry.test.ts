// The retry with a clock that the test advances: number of attempts, pauses, and end.

import assert from 'node:assert/strict';
import { handClock, settled } from '../clock/testing.ts';
import { backOffMs, MAX_ATTEMPTS, type RetryOptions, retry } from './retry.ts';

const AWAY = new Error('Connection terminated unexpectedly');

/** A call that fails `failures` times with `error`, and the times at which it was made. */
function setup(failures: number, error: unknown, options: Partial<RetryOptions> = {}) {
  const clock = handClock();
  const calls: number[] = [];
  let outcome: unknown;
  void retry(
    () => {
      calls.push(clock.now());
      return calls.length <= failures ? Promise.reject(error) : Promise.resolve('done');
    },
    { clock, ...options },
  ).then(
    (value) => {
      outcome = value;
    },
    (reason: unknown) => {
      outcome = reason;
    },
  );
  return { clock, calls, outcome: () => outcome };
}

Deno.test('a call that succeeds is made once and leaves no timer', async () => {
  const s = setup(0, AWAY);
  await settled();
  assert.deepEqual([s.calls, s.outcome(), s.clock.due], [[0], 'done', []]);
});

Deno.test('pauses double up to the longest one', async () => {
  const s = setup(7, AWAY);
  await settled();
  await s.clock.advance(60_000);
  assert.deepEqual(s.calls, [0, 200, 600, 1_400, 3_000, 6_200, 11_200, 16_200]);
  assert.equal(s.outcome(), 'done');
});

Deno.test('after the last attempt its error is thrown', async () => {
  const s = setup(Number.POSITIVE_INFINITY, AWAY);
  await settled();
  await s.clock.advance(600_000);
  assert.deepEqual([s.calls.length, s.outcome(), s.clock.due], [MAX_ATTEMPTS, AWAY, []]);
});

Deno.test('an error that a later attempt cannot cure is thrown at once', async () => {
  const rejected = Object.assign(new Error('no'), { code: '23505' });
  const s = setup(1, rejected);
  await settled();
  assert.deepEqual([s.calls, s.outcome()], [[0], rejected]);
});

Deno.test('each retry is reported before its pause, with the number of the attempt', async () => {
  const reports: unknown[] = [];
  const s = setup(2, AWAY, {
    attempts: 3,
    onRetry: (error, attempt, attempts) => reports.push([error, attempt, attempts]),
  });
  await settled();
  assert.deepEqual(reports, [[AWAY, 2, 3]]);
  await s.clock.advance(60_000);
  assert.deepEqual(reports.slice(1), [[AWAY, 3, 3]]);
});

Deno.test('an aborted signal ends the pause and throws the last error', async () => {
  const stop = new AbortController();
  const s = setup(Number.POSITIVE_INFINITY, AWAY, { signal: stop.signal });
  await settled();
  stop.abort();
  await settled();
  assert.deepEqual([s.calls, s.outcome(), s.clock.due], [[0], AWAY, []]);
});

Deno.test('a caller can set its own back-off', () => {
  const backOff = { firstMs: 100, longestMs: 350 };
  assert.deepEqual(
    [1, 2, 3, 4].map((failures) => backOffMs(failures, backOff)),
    [100, 200, 350, 350],
  );
});
