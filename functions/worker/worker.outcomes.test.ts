// The outcomes of steps: rejected results, eager steps that cannot be executed or are
// rejected, broken connections, and Redis that does not respond.

import assert from 'node:assert/strict';
import { handClock, settled } from '../_shared/clock/testing.ts';
import type { Engine, PlanNode, Work } from './engine/engine.ts';
import type { Plans } from './plans.ts';
import { runIdOf, setupWorker, transform, workOf } from './testing.ts';

/** A step that waits. */
const waiting = (id: string): PlanNode => ({
  ...transform(id, ''),
  type: 'delay',
  config: { ms: 60_000 },
});

const REJECTED = Object.assign(new Error('index row requires too much'), { code: '54000' });

Deno.test('a rejected result fails its own step; the others of the same statement are written once', async () => {
  const written: string[] = [];
  let statements = 0;
  const s = setupWorker(30, [transform('a', 'run.id')], {
    engine: {
      complete(branches) {
        statements += 1;
        if (branches.some((branch) => runIdOf(branch) === 'r7')) return Promise.reject(REJECTED);
        written.push(...branches.map(runIdOf));
        return Promise.resolve({ next: [], refused: [] });
      },
    },
  });
  s.worker.start();
  await s.until(() => s.failed.length === 1 && written.length === 29);
  await s.worker.stop(0);
  assert.deepEqual(s.failed.map(runIdOf), ['r7']);
  assert.equal(s.failed[0]?.error.code, 'invalid_output');
  assert.equal(new Set(written).size, 29);
  assert.ok(statements < 20, `${statements} statements`);
  assert.deepEqual([s.worker.stats.completed, s.worker.stats.failed], [29, 1]);
});

Deno.test('if an eagerly executed step is rejected, the step before it is written', async () => {
  const s = setupWorker(1, [transform('a', '1', ['b']), transform('b', '2')], {
    engine: {
      complete(branches) {
        if (branches.some(({ eager }) => eager.length > 0)) return Promise.reject(REJECTED);
        s.completed.push(...branches);
        return Promise.resolve({ next: [], refused: [] });
      },
    },
  });
  s.worker.start();
  await s.until(() => s.completed.length === 1);
  await s.worker.stop(0);
  assert.deepEqual([s.completed.length, s.failed.length], [1, 0]);
});

Deno.test('a rejected error is written without its details', async () => {
  const s = setupWorker(1, [transform('a', '$error("no")')], {
    engine: {
      fail(steps) {
        if (steps.some(({ input }) => input !== undefined)) return Promise.reject(REJECTED);
        s.failed.push(...steps);
        return Promise.resolve([]);
      },
    },
  });
  s.worker.start();
  await s.until(() => s.failed.length === 1);
  await s.worker.stop(0);
  assert.match(String(s.failed[0]?.error.message), /no/);
});

Deno.test('a step completes although its successors cannot be executed eagerly', async () => {
  let calls = 0;
  // Plans with components are read again, and the database may be away by then.
  const wrapPlans = (plans: Plans): Plans => ({
    get(id) {
      calls += 1;
      return calls > 1 ? Promise.reject(new Error('the database is away')) : plans.get(id);
    },
  });
  const nodes = [transform('a', '1', ['b']), transform('b', '2')];
  const s = setupWorker(1, nodes, { wrapPlans });
  s.worker.start();
  await s.until(() => s.completed.length === 1);
  await s.worker.stop(0);
  assert.deepEqual(s.completed[0]?.eager, []);
});

Deno.test('steps continue while Redis does not respond', async () => {
  const message = {
    outbox_id: 1,
    app_code: 'acme',
    run_id: 'r0',
    event_type: 'run.changed',
    payload: {},
    age_ms: 0,
  };
  const s = setupWorker(1, [transform('a', '1')], {
    engine: {
      readOutbox: () => Promise.resolve({ apps: [], messages: [message], full: false }),
    },
    notify: () => new Promise(() => undefined),
  });
  s.worker.start();
  await s.until(() => s.completed.length === 1);
  await s.worker.stop(0);
  assert.deepEqual(s.errors, []);
});

Deno.test('a statement on a broken connection is retried with growing pauses', async () => {
  const clock = handClock();
  const calls: number[] = [];
  const executed = Promise.withResolvers<void>();
  const complete: Engine['complete'] = () => {
    calls.push(clock.now());
    executed.resolve();
    if (calls.length < 4) return Promise.reject(new Error('connection terminated'));
    return Promise.resolve({ next: [], refused: [] });
  };
  const s = setupWorker(1, [transform('a', '1')], { engine: { complete }, clock });
  s.worker.start();
  await executed.promise;
  await settled();
  await clock.advance(60_000);
  assert.deepEqual(calls, [0, 200, 600, 1_400]);
  assert.deepEqual([s.worker.stats.completed, s.worker.stats.failed], [1, 0]);
  assert.deepEqual(
    s.errors,
    [2, 3, 4].map(
      (attempt) =>
        `engine.complete failed; retrying (attempt ${attempt} of 8): Error: connection terminated`,
    ),
  );
  await s.worker.stop(0);
});

Deno.test('an outcome that cannot be written after eight attempts is given up', async () => {
  const clock = handClock();
  let calls = 0;
  const executed = Promise.withResolvers<void>();
  const complete: Engine['complete'] = () => {
    calls += 1;
    executed.resolve();
    return Promise.reject(new Error('connection terminated'));
  };
  const s = setupWorker(1, [transform('a', '1')], { engine: { complete }, clock });
  s.worker.start();
  await executed.promise;
  await settled();
  await clock.advance(60_000);
  assert.equal(calls, 8);
  assert.match(s.errors.at(-1) ?? '', /^the outcomes of 1 steps could not be written/);
  assert.equal(s.worker.stats.tokens, 0);
  await s.worker.stop(0);
});

const TOO_LONG = Object.assign(new Error('canceling statement'), { code: '57014' });

for (const call of ['complete', 'wait'] as const) {
  Deno.test(`a step whose ${call} alone takes too long fails; the others of its statement are written`, async () => {
    const isWait = call === 'wait';
    const written: string[] = [];
    const write = (items: readonly { work: Work }[]) => {
      if (items.some((item) => runIdOf(item) === 'r3')) return Promise.reject(TOO_LONG);
      written.push(...items.map(runIdOf));
      return Promise.resolve();
    };
    const s = setupWorker(12, [isWait ? waiting('a') : transform('a', '1')], {
      engine: {
        complete: (branches) => write(branches).then(() => ({ next: [], refused: [] })),
        wait: write,
      },
    });
    s.worker.start();
    await s.until(() => s.failed.length === 1 && written.length === 11);
    await s.worker.stop(0);
    assert.deepEqual(
      s.failed.map((step) => [runIdOf(step), step.error.code]),
      [['r3', 'engine_timeout']],
    );
    assert.equal(new Set(written).size, 11);
  });
}

Deno.test('a run whose claim alone takes too long fails; the others are claimed', async () => {
  const given: string[] = [];
  const s = setupWorker(12, [transform('a', '1')], {
    engine: {
      claim: (tokens) =>
        tokens.some(({ runId }) => runId === 'r5')
          ? Promise.reject(TOO_LONG)
          : Promise.resolve(tokens.map(workOf)),
      failUnwakeable(runId) {
        given.push(runId);
        return Promise.resolve();
      },
    },
  });
  s.worker.start();
  await s.until(() => s.completed.length === 11);
  await settled();
  await s.worker.stop(0);
  assert.deepEqual([given, s.failed], [['r5'], []]);
});

Deno.test('a claim that waited too long for a lock fails no run', async () => {
  let calls = 0;
  const s = setupWorker(4, [transform('a', '1')], {
    engine: {
      claim: (tokens) => {
        calls += 1;
        const isHeld = tokens.some(({ runId }) => runId === 'r2');
        const error = Object.assign(new Error('lock timeout'), { code: '55P03' });
        return isHeld ? Promise.reject(error) : Promise.resolve(tokens.map(workOf));
      },
    },
  });
  s.worker.start();
  await s.until(() => s.completed.length === 3);
  await settled();
  await s.worker.stop(0);
  assert.equal(s.failed.length, 0);
  assert.ok(calls > 1);
  assert.match(s.errors.join(), /a token could not be claimed/);
});
