// The time limits of attempts, by a clock that the test advances.

import assert from 'node:assert/strict';
import { handClock, settled } from '../_shared/clock/testing.ts';
import { ATTEMPT_TIMEOUT_MS } from '../_shared/step-types/define.ts';
import type { Work } from './engine/engine.ts';
import { type AttemptOutcome, execute } from './executor.ts';
import { inDatabase } from './outputs/outputs.ts';
import type { CompiledNode } from './plans.ts';
import { type CompiledStep, StepError } from './steps/index.ts';
import { testContext } from './steps/testing.ts';
import { Turns } from './turns.ts';

const WORK: Work = {
  job_id: 'j',
  run_id: 'r',
  app_code: 'acme',
  workflow_version_id: 'v',
  step_run_id: 's',
  step_id: 'a',
  item_index: 0,
  attempt: 1,
  fence: 1,
};

interface Attempt {
  /** Aborted when the attempt has ended. */
  signal: AbortSignal;
  end(output: unknown): void;
  wait(more: { timeoutMs?: number }): void;
}

/** Executes one step; the test ends its handler. */
async function setup(
  timeoutMs: number | undefined,
  {
    maxElapsedMs,
    elapsedMs = 0,
    work = WORK,
    abort = new AbortController(),
    taken = false,
  }: {
    maxElapsedMs?: number;
    elapsedMs?: number;
    work?: Work;
    abort?: AbortController;
    /** Another app has the turn; `giveTurn` ends it. */
    taken?: boolean;
  } = {},
) {
  const clock = handClock();
  const turns = new Turns({ clock, breathe: () => Promise.resolve() });
  let giveTurn = () => {};
  if (taken) {
    const held = new Promise<void>((resolve) => {
      giveTurn = resolve;
    });
    void turns.run('other', () => held);
  }
  const { env, queues, runs, usage, functions, callbacks, agentTurns } = testContext();
  const kept: unknown[] = [];
  let attempt: Attempt | undefined;
  const step: CompiledStep = {
    type: 'transform',
    reads: [],
    usesContext: false,
    secrets: [],
    isPure: false,
    isBrief: false,
    choosesEdges: false,
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
    tools: undefined,
    item: undefined,
    compensation: undefined,
  };
  let outcome: AttemptOutcome | undefined;
  void execute(work, abort.signal, {
    plans: {
      get: () =>
        Promise.resolve({ workflow: 'w', version: 1, nodes: new Map([['a', node]]), first: node }),
    },
    memory: {
      retain: () => undefined,
      release: () => undefined,
      facts: () => Promise.resolve({ run_id: 'r', input: {}, trace_id: 't' }),
      keepFacts: () => undefined,
      elapsed: () => Promise.resolve(elapsedMs),
      item: () => Promise.reject(new Error('this test has no items')),
      outputs: () => Promise.resolve(new Map()),
      keepOutput: (_run, _step, output) => kept.push(output),
      hasOutput: () => false,
      forgetOutputs: () => undefined,
      size: 0,
    },
    turns,
    clock,
    env,
    outputs: inDatabase,
    secretsOf: () => () => Promise.resolve(undefined),
    logs: { add: () => undefined },
    servicesFor: () => ({ queues, runs, usage, functions, callbacks, agentTurns }),
  }).then((result) => {
    outcome = result;
  });
  await settled();
  return {
    clock,
    giveTurn,
    abort,
    kept,
    attempt: () => attempt as Attempt,
    outcome: () => outcome,
  };
}

const codeOf = (outcome: AttemptOutcome | undefined) =>
  outcome?.kind === 'failed' ? outcome.error.code : outcome?.kind;

for (const [name, timeoutMs, allowed] of [
  ['of its own', 90_000, 90_000],
  ['of every step without its own', undefined, ATTEMPT_TIMEOUT_MS],
] as const) {
  Deno.test(`an attempt fails at the time limit ${name}, and may be retried`, async () => {
    const s = await setup(timeoutMs);
    await s.clock.advance(allowed - 1);
    assert.equal(s.outcome(), undefined);
    assert.equal(s.attempt().signal.aborted, false);
    await s.clock.advance(1);
    assert.equal(codeOf(s.outcome()), 'timeout');
    assert.equal(s.attempt().signal.aborted, true);
    const outcome = s.outcome();
    assert.equal(outcome?.kind === 'failed' && outcome.error.retryable, true);
  });
}

Deno.test('a result after the time limit is dropped', async () => {
  const s = await setup(1_000);
  await s.clock.advance(1_000);
  s.attempt().end('late');
  await settled();
  assert.equal(codeOf(s.outcome()), 'timeout');
  assert.deepEqual(s.kept, []);
});

Deno.test('an attempt that ends within its time limit leaves no timer', async () => {
  const s = await setup(1_000);
  await s.clock.advance(999);
  s.attempt().end('in time');
  await settled();
  assert.equal(codeOf(s.outcome()), 'completed');
  assert.deepEqual([s.kept, s.clock.due], [['in time'], []]);
});

Deno.test('a cancelled attempt fails with "cancelled", and the signal of its handler is aborted', async () => {
  const s = await setup(1_000);
  s.abort.abort(new StepError('cancelled', 'the run ended'));
  await settled();
  assert.equal(codeOf(s.outcome()), 'cancelled');
  assert.equal(s.attempt().signal.aborted, true);
  assert.equal((s.attempt().signal.reason as StepError).code, 'cancelled');
  await s.clock.advance(1_000);
  assert.equal(codeOf(s.outcome()), 'cancelled');
});

Deno.test('the time limit of a step also limits each of its attempts', async () => {
  const s = await setup(10_000, { maxElapsedMs: 3_000 });
  await s.clock.advance(2_999);
  assert.equal(s.outcome(), undefined);
  await s.clock.advance(1);
  assert.equal(codeOf(s.outcome()), 'timeout');
});

for (const [name, work] of [
  ['a later attempt', { ...WORK, attempt: 2 }],
  ['an attempt that another worker started', { ...WORK, fence: 2 }],
] as const) {
  Deno.test(`${name} has the remaining time of its step`, async () => {
    const s = await setup(10_000, { maxElapsedMs: 3_000, elapsedMs: 2_400, work });
    await s.clock.advance(599);
    assert.equal(s.outcome(), undefined);
    await s.clock.advance(1);
    assert.equal(codeOf(s.outcome()), 'timeout');
  });
}

Deno.test('an attempt that another worker started is not repeated when its step has no time left', async () => {
  const s = await setup(10_000, {
    maxElapsedMs: 3_000,
    elapsedMs: 3_100,
    work: { ...WORK, fence: 2 },
  });
  assert.equal(codeOf(s.outcome()), 'timeout');
  assert.equal(s.attempt(), undefined);
});

Deno.test('the time limit of a step also limits how long it waits', async () => {
  const waitOf = async (own: { timeoutMs?: number }, maxElapsedMs?: number) => {
    const s = await setup(10_000, maxElapsedMs === undefined ? {} : { maxElapsedMs });
    s.attempt().wait(own);
    await settled();
    const outcome = s.outcome();
    return outcome?.kind === 'waiting' ? outcome.result.timeoutMs : undefined;
  };
  assert.equal(await waitOf({ timeoutMs: 5_000 }, 3_000), 3_000);
  assert.equal(await waitOf({ timeoutMs: 2_000 }, 3_000), 2_000);
  assert.equal(await waitOf({}, 3_000), 3_000);
  assert.equal(await waitOf({}), undefined);
});

Deno.test('the time that an attempt waits for its turn does not count', async () => {
  const s = await setup(1_000, { taken: true });
  await s.clock.advance(50_000);
  assert.deepEqual([s.outcome(), s.attempt()], [undefined, undefined]);
  s.giveTurn();
  await settled();
  await s.clock.advance(999);
  assert.equal(s.outcome(), undefined);
  await s.clock.advance(1);
  assert.equal(codeOf(s.outcome()), 'timeout');
});

Deno.test('an attempt that is cancelled while it waits for its turn is not executed', async () => {
  const s = await setup(1_000, { taken: true });
  s.abort.abort(new StepError('cancelled', 'the run ended'));
  await settled();
  assert.equal(codeOf(s.outcome()), 'cancelled');
  s.giveTurn();
  await settled();
  assert.equal(s.attempt(), undefined);
});
