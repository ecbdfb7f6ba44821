// Invocations and starts: the work before an invocation ends, and runs that start eagerly or by a claim.

import assert from 'node:assert/strict';
import { handClock, settled } from '../_shared/clock/testing.ts';
import type { Engine, Token, Work } from './engine/engine.ts';
import { asFirst, runIdOf, setupWorker, transform, workOf } from './testing.ts';

const AMPLE = { spent: false, spentBy: undefined, wallLeftMs: 60_000 };

Deno.test('tokens that are claimed after an invocation has ended are released, not executed', async () => {
  let respond: (works: Work[]) => void = () => undefined;
  let requested: Token[] = [];
  const claiming = Promise.withResolvers<void>();
  const clock = handClock();
  const claim: Engine['claim'] = (tokens) => {
    requested = [...tokens];
    claiming.resolve();
    return new Promise((resolve) => {
      respond = resolve;
    });
  };
  const s = setupWorker(2, [transform('a', '1')], { engine: { claim }, clock });
  const done = s.worker.runWithin({ ...AMPLE, wallLeftMs: 100 });
  await claiming.promise;
  await clock.advance(100);
  respond(requested.map(workOf));
  assert.deepEqual(await done, { steps: 0, more: true });
  assert.deepEqual(s.released.sort(), ['j0', 'j1']);
  assert.deepEqual([s.completed, s.failed, s.errors], [[], [], []]);
});

Deno.test('a run starts with its first step, without a claim', async () => {
  const s = setupWorker(1, [asFirst(transform('a', '1', ['b'])), transform('b', '2')], {
    engine: { claim: () => Promise.reject(new Error('claimed')) },
  });
  assert.deepEqual(await s.worker.runWithin(AMPLE), { steps: 2, more: false });
  assert.deepEqual(
    s.completed.map(({ startsRun, eager }) => [startsRun, eager.map(({ stepId }) => stepId)]),
    [[true, ['b']]],
  );
  assert.deepEqual(s.errors, []);
});

Deno.test('the input that a token carries is not read again for a claimed run', async () => {
  // Two first steps: the run starts by a claim.
  const s = setupWorker(
    1,
    [asFirst(transform('a', '$string(input)')), asFirst(transform('b', '2'))],
    {
      engine: { loadRuns: () => Promise.reject(new Error('the token carries the input')) },
    },
  );
  s.worker.start();
  await s.until(() => s.completed.length + s.failed.length === 1);
  await s.worker.stop(0);
  assert.deepEqual(s.completed[0]?.output, '{}');
});

Deno.test('a run whose eager start is refused is claimed before the invocation ends', async () => {
  const starts: (boolean | undefined)[] = [];
  const s = setupWorker(1, [asFirst(transform('a', '1'))], {
    engine: {
      complete(branches) {
        starts.push(...branches.map(({ startsRun }) => startsRun));
        const refused = branches.filter(({ startsRun }) => startsRun).map(runIdOf);
        return Promise.resolve({ next: [], refused });
      },
      async claim(tokens) {
        await settled();
        return tokens.map(workOf);
      },
    },
  });
  await s.worker.runWithin(AMPLE);
  assert.deepEqual(starts, [true, false]);
  assert.deepEqual([s.released, s.errors], [[], []]);
});

Deno.test('a worker serves one invocation after the other', async () => {
  const s = setupWorker(1, [transform('a', '1')]);
  assert.deepEqual(await s.worker.runWithin(AMPLE), { steps: 1, more: false });
  assert.deepEqual(await s.worker.runWithin(AMPLE), { steps: 0, more: false });
});

Deno.test('an invocation relays the messages of its last steps before it ends', async () => {
  const events: string[] = [];
  const s = setupWorker(1, [transform('a', '1')], {
    engine: {
      readOutbox() {
        events.push('relay');
        return Promise.resolve({ apps: [], messages: [], full: false });
      },
      complete() {
        events.push('complete');
        return Promise.resolve({ next: [], refused: [] });
      },
    },
  });
  await s.worker.runWithin(AMPLE);
  assert.deepEqual(events, ['relay', 'complete', 'relay']);
});

Deno.test('an invocation whose search for work failed reports that work may be left', async () => {
  const s = setupWorker(0, [transform('a', '1')], {
    engine: { admit: () => Promise.reject(new Error('deadlock detected')) },
  });
  assert.deepEqual(await s.worker.runWithin(AMPLE), { steps: 0, more: true });
  assert.match(s.errors.join(), /^the search for work failed/);
});

Deno.test('an invocation whose relay or timers failed reports that work may be left', async () => {
  const fails = () => Promise.reject(new Error('deadlock detected'));
  for (const engine of [{ readOutbox: fails }, { wake: fails }]) {
    const s = setupWorker(0, [transform('a', '1')], { engine });
    assert.deepEqual(await s.worker.runWithin(AMPLE), { steps: 0, more: true });
    assert.match(s.errors.join(), /retrying in 1 s/);
  }
});
