// The time of an attempt, by a clock that the test turns: what takes longer fails, and is heard of no more.

import assert from 'node:assert/strict';
import { handClock, settled } from '../_shared/clock/testing.ts';
import type { Work } from './engine/engine.ts';
import { type AttemptOutcome, DEFAULT_TIMEOUT_MS, execute } from './executor.ts';
import type { CompiledNode } from './plans.ts';
import { type CompiledStep, StepError } from './steps/index.ts';
import { testContext } from './steps/testing.ts';

const WORK: Work = {
  job_id: 'j',
  run_id: 'r',
  app_code: 'acme',
  workflow_version_id: 'v',
  step_run_id: 's',
  step_id: 'a',
  item_index: 0,
  attempt: 1,
  claim: 1,
};

interface Attempt {
  /** Aborted when the attempt is over. */
  signal: AbortSignal;
  end(output: unknown): void;
  wait(more: { timeoutMs?: number }): void;
}

/** Executes one step whose handler ends when the test says so. */
async function stage(
  timeoutMs: number | undefined,
  {
    maxElapsedMs,
    elapsedMs = 0,
    work = WORK,
    abort = new AbortController(),
  }: {
    maxElapsedMs?: number;
    elapsedMs?: number;
    work?: Work;
    abort?: AbortController;
  } = {},
) {
  const clock = handClock();
  const { env, queues, runs } = testContext();
  const kept: unknown[] = [];
  let attempt: Attempt | undefined;
  const step: CompiledStep = {
    type: 'transform',
    reads: [],
    usesContext: false,
    secrets: [],
    isPure: false,
    isBrief: false,
    resolve: () => Promise.resolve({ stored: {}, secrets: [], finish: () => Promise.resolve({}) }),
    run: (_resolved, _secrets, { signal }) =>
      new Promise((resolve) => {
        attempt = {
          signal,
          end: (output) => resolve({ kind: 'completed', output }),
          wait: (more) => resolve({ kind: 'waiting', reason: 'signal', ...more }),
        };
      }),
  };
  const node: CompiledNode = {
    id: 'a',
    inDegree: 0,
    next: [],
    step,
    timeoutMs,
    maxElapsedMs,
    component: undefined,
    item: undefined,
    compensation: undefined,
  };
  let answer: AttemptOutcome | undefined;
  void execute(work, abort.signal, {
    plans: {
      get: () =>
        Promise.resolve({ workflow: 'w', version: 1, nodes: new Map([['a', node]]), first: node }),
    },
    memory: {
      enter: () => undefined,
      leave: () => undefined,
      facts: () => Promise.resolve({ run_id: 'r', input: {}, trace_id: 't' }),
      keepFacts: () => undefined,
      elapsed: () => Promise.resolve(elapsedMs),
      item: () => Promise.reject(new Error('this test has no items')),
      outputs: () => Promise.resolve(new Map()),
      keepOutput: (_run, _step, output) => kept.push(output),
      keeps: () => false,
      forgetOutputs: () => undefined,
      size: 0,
    },
    clock,
    env,
    secretsOf: () => () => Promise.resolve(undefined),
    servicesFor: () => ({ queues, runs }),
  }).then((result) => {
    answer = result;
  });
  await settled();
  return { clock, abort, kept, attempt: () => attempt as Attempt, answer: () => answer };
}

const codeOf = (answer: AttemptOutcome | undefined) =>
  answer?.kind === 'failed' ? answer.error.code : answer?.kind;

for (const [name, timeoutMs, allowed] of [
  ['of its own', 90_000, 90_000],
  ['of every step that has none', undefined, DEFAULT_TIMEOUT_MS],
] as const) {
  Deno.test(`an attempt fails at the time limit ${name}, and may be retried`, async () => {
    const s = await stage(timeoutMs);
    await s.clock.turn(allowed - 1);
    assert.equal(s.answer(), undefined);
    assert.equal(s.attempt().signal.aborted, false);
    await s.clock.turn(1);
    assert.equal(codeOf(s.answer()), 'timeout');
    assert.equal(s.attempt().signal.aborted, true);
    const answer = s.answer();
    assert.equal(answer?.kind === 'failed' && answer.error.retryable, true);
  });
}

Deno.test('what a handler answers after its time is nobody’s', async () => {
  const s = await stage(1_000);
  await s.clock.turn(1_000);
  s.attempt().end('late');
  await settled();
  assert.equal(codeOf(s.answer()), 'timeout');
  assert.deepEqual(s.kept, []);
});

Deno.test('an attempt that ends in time leaves no timer behind', async () => {
  const s = await stage(1_000);
  await s.clock.turn(999);
  s.attempt().end('in time');
  await settled();
  assert.equal(codeOf(s.answer()), 'completed');
  assert.deepEqual([s.kept, s.clock.due], [['in time'], []]);
});

Deno.test('an attempt that is cancelled says so, and its handler hears of it', async () => {
  const s = await stage(1_000);
  s.abort.abort(new StepError('cancelled', 'the run ended'));
  await settled();
  assert.equal(codeOf(s.answer()), 'cancelled');
  assert.equal(s.attempt().signal.aborted, true);
  assert.equal((s.attempt().signal.reason as StepError).code, 'cancelled');
  await s.clock.turn(1_000);
  assert.equal(codeOf(s.answer()), 'cancelled');
});

Deno.test('a step that may take less time with all of its attempts is cut off by that', async () => {
  const s = await stage(10_000, { maxElapsedMs: 3_000 });
  await s.clock.turn(2_999);
  assert.equal(s.answer(), undefined);
  await s.clock.turn(1);
  assert.equal(codeOf(s.answer()), 'timeout');
});

for (const [name, work] of [
  ['a later attempt', { ...WORK, attempt: 2 }],
  ['an attempt that another worker began', { ...WORK, claim: 2 }],
] as const) {
  Deno.test(`${name} has what is left of the time of its step`, async () => {
    const s = await stage(10_000, { maxElapsedMs: 3_000, elapsedMs: 2_400, work });
    await s.clock.turn(599);
    assert.equal(s.answer(), undefined);
    await s.clock.turn(1);
    assert.equal(codeOf(s.answer()), 'timeout');
  });
}

Deno.test('an attempt that another worker began is not begun again when its step has no time left', async () => {
  const s = await stage(10_000, {
    maxElapsedMs: 3_000,
    elapsedMs: 3_100,
    work: { ...WORK, claim: 2 },
  });
  assert.equal(codeOf(s.answer()), 'timeout');
  assert.equal(s.attempt(), undefined);
});

Deno.test('a step waits no longer than it may take', async () => {
  const waitOf = async (own: { timeoutMs?: number }, maxElapsedMs?: number) => {
    const s = await stage(10_000, maxElapsedMs === undefined ? {} : { maxElapsedMs });
    s.attempt().wait(own);
    await settled();
    const answer = s.answer();
    return answer?.kind === 'waiting' ? answer.result.timeoutMs : undefined;
  };
  assert.equal(await waitOf({ timeoutMs: 5_000 }, 3_000), 3_000);
  assert.equal(await waitOf({ timeoutMs: 2_000 }, 3_000), 2_000);
  assert.equal(await waitOf({}, 3_000), 3_000);
  assert.equal(await waitOf({}), undefined);
});
