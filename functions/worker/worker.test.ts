// The worker against an engine that this test plays: what becomes of answers that are refused, of
// steps that cannot run ahead, and of tokens that arrive when an invocation is over.

import assert from 'node:assert/strict';
import { type Clock, systemClock } from '../_shared/clock/clock.ts';
import { handClock, settled } from '../_shared/clock/testing.ts';
import type {
  CompletedBranch,
  Engine,
  FailedStep,
  Plan,
  PlanNode,
  Token,
  Work,
} from './engine/engine.ts';
import type { TokenQueue } from './engine/queue.ts';
import { createPlans, type Plans } from './plans.ts';
import { createRunMemory } from './run-memory.ts';
import type { NotifyRuns } from './run-notifier.ts';
import { createStepServices } from './step-services.ts';
import { testEnv } from './steps/testing.ts';
import { createWorker, type Worker } from './worker.ts';

const REFUSED = Object.assign(new Error('index row requires too much'), { code: '54000' });

const transform = (id: string, expression: string, next: string[] = []): PlanNode => ({
  id,
  type: 'transform',
  label: null,
  config: { expression },
  timeout_ms: null,
  max_elapsed_ms: null,
  in_degree: 1,
  next: next.map((target) => ({ id: target, handle: null })),
  component: null,
  compensate: null,
  undo_max_elapsed_ms: null,
  undo_component: null,
});

const first = (node: PlanNode): PlanNode => ({ ...node, in_degree: 0 });
const START = { app_code: 'acme', workflow_version_id: 'v', trace_id: 't', input: {} };
const AMPLE = { spent: false, spentBy: undefined, wallLeftMs: 60_000 };

interface Stage {
  worker: Worker;
  completed: CompletedBranch[];
  failed: FailedStep[];
  released: string[];
  touched: string[];
  errors: string[];
  /** Resolves when `holds` does, asked after every call of the engine. */
  until(holds: () => boolean): Promise<void>;
}

/** Runs r0, r1, … each at step `a` of a plan (or before it, when it is the first), found by one fetch. */
function stage(
  runs: number,
  nodes: PlanNode[],
  over: Partial<Engine> = {},
  {
    plansOver = (plans: Plans): Plans => plans,
    publish = (): ReturnType<NotifyRuns> => Promise.resolve(true),
    clock = systemClock,
  }: { plansOver?(plans: Plans): Plans; publish?: NotifyRuns; clock?: Clock } = {},
): Stage {
  const tokens: Token[] = Array.from({ length: runs }, (_, i) => ({
    jobId: `j${i}`,
    delivery: 0,
    runId: `r${i}`,
    hasBacklog: false,
    ...(nodes.some((node) => node.in_degree === 0) ? { start: START } : {}),
  }));
  const plan: Plan = { workflow_version_id: 'v', workflow: 'w', version: 1, nodes };
  const completed: CompletedBranch[] = [];
  const failed: FailedStep[] = [];
  const released: string[] = [];
  const touched: string[] = [];
  const errors: string[] = [];
  const waiting = new Set<() => void>();
  const moved = () => {
    for (const look of [...waiting]) look();
  };
  const unused = () => Promise.reject(new Error('this test does not play that'));
  const engine: Engine = {
    claim: (taken) => Promise.resolve(taken.map(workOf)),
    complete(branches) {
      completed.push(...branches);
      return Promise.resolve({ next: [], refused: [] });
    },
    fail(steps) {
      failed.push(...steps);
      return Promise.resolve([]);
    },
    wait: unused,
    wake: () => Promise.resolve({ inMs: undefined, schedules: false }),
    dueSchedules: unused,
    fireSchedules: unused,
    admit: () => Promise.resolve({ admitted: 0, hasBacklog: false }),
    relay: () => Promise.resolve({ messages: [], more: false, full: false }),
    confirmPublished: unused,
    release(held) {
      released.push(...held.map(({ jobId }) => jobId));
      return Promise.resolve();
    },
    expireLeases: () => Promise.resolve(0),
    beat: unused,
    pushItem: unused,
    popItem: unused,
    sendSignal: unused,
    queryRun: unused,
    loadPlans: (ids) => Promise.resolve(ids.map(() => plan)),
    loadItems: unused,
    loadElapsed: unused,
    loadRuns: (ids) => Promise.resolve(ids.map((run_id) => ({ run_id, input: {}, trace_id: 't' }))),
    endedRuns: () => Promise.resolve([]),
    loadOutputs: () => Promise.resolve([]),
    ...over,
  };
  const queue: TokenQueue = {
    fetch: (limit) => Promise.resolve(tokens.splice(0, limit)),
    touch(held) {
      touched.push(...held.map(({ jobId }) => jobId));
      return Promise.resolve();
    },
    stop: () => Promise.resolve(),
  };
  const memory = createRunMemory(engine);
  const worker = createWorker({
    clock,
    engine,
    queue,
    memory,
    execute: {
      plans: plansOver(createPlans(engine, clock)),
      memory,
      clock,
      env: testEnv(),
      secretsOf: () => () => Promise.resolve(undefined),
      servicesFor: createStepServices(engine, () => undefined),
    },
    concurrency: 50,
    leaseSeconds: 60,
    presence: () => ({
      worker_id: 'w',
      mode: 'resident',
      status: 'running',
      version: '0',
      executing: 0,
      concurrency: 50,
      metadata: {},
    }),
    pollMs: () => 60_000,
    cancelPollMs: () => 60_000,
    publish(announcements) {
      moved();
      return publish(announcements);
    },
    onError: (what, error) => errors.push(`${what}: ${String(error)}`),
  });
  return {
    worker,
    completed,
    failed,
    released,
    touched,
    errors,
    until: (holds) =>
      new Promise((resolve) => {
        const look = () => {
          if (!holds()) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}

function workOf({ jobId, runId }: Token): Work {
  return {
    job_id: jobId,
    run_id: runId,
    app_code: 'acme',
    workflow_version_id: 'v',
    step_run_id: `${runId}:a`,
    step_id: 'a',
    item_index: 0,
    attempt: 1,
    claim: 1,
  };
}

const idOf = ({ work }: { work: Work }) => work.run_id;

Deno.test('an answer that is refused fails its step; those that shared its statement are written, once', async () => {
  const written: string[] = [];
  let statements = 0;
  const s = stage(30, [transform('a', 'run.id')], {
    complete(branches) {
      statements += 1;
      if (branches.some((branch) => idOf(branch) === 'r7')) return Promise.reject(REFUSED);
      written.push(...branches.map(idOf));
      return Promise.resolve({ next: [], refused: [] });
    },
  });
  s.worker.start();
  await s.until(() => s.failed.length === 1 && written.length === 29);
  await s.worker.stop(0);
  assert.deepEqual(s.failed.map(idOf), ['r7']);
  assert.equal(s.failed[0]?.error.code, 'invalid_output');
  assert.equal(new Set(written).size, 29);
  assert.ok(statements < 20, `${statements} statements`);
  assert.deepEqual([s.worker.stats.completed, s.worker.stats.failed], [29, 1]);
});

Deno.test('when a step that ran ahead is refused, the one before it is written', async () => {
  const s = stage(1, [transform('a', '1', ['b']), transform('b', '2')], {
    complete(branches) {
      if (branches.some(({ ahead }) => ahead.length > 0)) return Promise.reject(REFUSED);
      s.completed.push(...branches);
      return Promise.resolve({ next: [], refused: [] });
    },
  });
  s.worker.start();
  await s.until(() => s.completed.length === 1);
  await s.worker.stop(0);
  assert.deepEqual([s.completed.length, s.failed.length], [1, 0]);
});

Deno.test('an error that is refused is written without its details', async () => {
  const s = stage(1, [transform('a', '$error("no")')], {
    fail(steps) {
      if (steps.some(({ input }) => input !== undefined)) return Promise.reject(REFUSED);
      s.failed.push(...steps);
      return Promise.resolve([]);
    },
  });
  s.worker.start();
  await s.until(() => s.failed.length === 1);
  await s.worker.stop(0);
  assert.match(String(s.failed[0]?.error.message), /no/);
});

Deno.test('a step is answered although nothing can run ahead of it', async () => {
  let asked = 0;
  // Plans with components are read again: the database may be away by then.
  const nodes = [transform('a', '1', ['b']), transform('b', '2')];
  const plansOver = (plans: Plans): Plans => ({
    get(id) {
      asked += 1;
      return asked > 1 ? Promise.reject(new Error('the database is away')) : plans.get(id);
    },
  });
  const s = stage(1, nodes, {}, { plansOver });
  s.worker.start();
  await s.until(() => s.completed.length === 1);
  await s.worker.stop(0);
  assert.deepEqual(s.completed[0]?.ahead, []);
});

Deno.test('steps go on while Redis does not answer', async () => {
  const s = stage(
    1,
    [transform('a', '1')],
    {
      relay: () =>
        Promise.resolve({
          messages: [
            {
              outbox_id: 1,
              app_code: 'acme',
              run_id: 'r0',
              event_type: 'run.changed',
              payload: {},
              age_ms: 0,
            },
          ],
          more: false,
          full: false,
        }),
    },
    { publish: () => new Promise(() => undefined) },
  );
  s.worker.start();
  await s.until(() => s.completed.length === 1);
  await s.worker.stop(0);
  assert.deepEqual(s.errors, []);
});

Deno.test('tokens that are claimed when an invocation is over are handed back, and not worked on', async () => {
  let claimed: (works: Work[]) => void = () => undefined;
  let asked: Token[] = [];
  const claiming = Promise.withResolvers<void>();
  const clock = handClock();
  const claim: Engine['claim'] = (taken) => {
    asked = [...taken];
    claiming.resolve();
    return new Promise((resolve) => {
      claimed = resolve;
    });
  };
  const s = stage(2, [transform('a', '1')], { claim }, { clock });
  const answer = s.worker.runWithin({ ...AMPLE, wallLeftMs: 100 });
  await claiming.promise;
  await clock.turn(100);
  claimed(asked.map(workOf));
  assert.deepEqual(await answer, { steps: 0, more: true });
  assert.deepEqual(s.released.sort(), ['j0', 'j1']);
  assert.deepEqual([s.completed, s.failed, s.errors], [[], [], []]);
});

Deno.test('a run begins with its first step; nothing is claimed for it', async () => {
  const s = stage(1, [first(transform('a', '1', ['b'])), transform('b', '2')], {
    claim: () => Promise.reject(new Error('claimed')),
  });
  assert.deepEqual(await s.worker.runWithin(AMPLE), { steps: 2, more: false });
  assert.deepEqual(
    s.completed.map(({ starts, ahead }) => [starts, ahead.map(({ stepId }) => stepId)]),
    [[true, ['b']]],
  );
  assert.deepEqual(s.errors, []);
});

Deno.test('a run that may not begin is claimed, and an invocation does not end before it is', async () => {
  const answers: (boolean | undefined)[] = [];
  const s = stage(1, [first(transform('a', '1'))], {
    complete(branches) {
      answers.push(...branches.map(({ starts }) => starts));
      const refused = branches.filter(({ starts }) => starts).map(idOf);
      return Promise.resolve({ next: [], refused });
    },
    async claim(taken) {
      await settled();
      return taken.map(workOf);
    },
  });
  await s.worker.runWithin(AMPLE);
  assert.deepEqual(answers, [true, false]);
  assert.deepEqual([s.released, s.errors], [[], []]);
});

Deno.test('a worker that found a place being freed looks for it again, three times and no more', async () => {
  const clock = handClock();
  const admitted: number[] = [];
  const admit: Engine['admit'] = () => {
    admitted.push(clock.now());
    return Promise.resolve({ admitted: 0, hasBacklog: false });
  };
  const s = stage(0, [transform('a', '1')], { admit }, { clock });
  s.worker.start();
  await settled();
  await clock.turn(10_000);
  admitted.length = 0;
  s.worker.wake({ kind: 'admit' });
  await clock.turn(10_000);
  assert.deepEqual(admitted, [10_000, 10_030, 10_300, 13_000]);
  await s.worker.stop(0);
  assert.deepEqual(clock.due, []);
});

Deno.test('without a hint a worker looks for work at every poll', async () => {
  const clock = handClock();
  let relays = 0;
  const relay: Engine['relay'] = () => {
    relays += 1;
    return Promise.resolve({ messages: [], more: false, full: false });
  };
  const s = stage(0, [transform('a', '1')], { relay }, { clock });
  s.worker.start();
  await settled();
  await clock.turn(59_999);
  assert.equal(relays, 1);
  await clock.turn(1);
  assert.equal(relays, 2);
  await s.worker.stop(0);
});

Deno.test('the lease of a token is renewed for as long as its step takes, and not longer', async () => {
  const clock = handClock();
  const claimed = Promise.withResolvers<Work[]>();
  const s = stage(1, [transform('a', '1')], { claim: () => claimed.promise }, { clock });
  s.worker.start();
  await settled();
  await clock.turn(60_000);
  assert.deepEqual(s.touched, ['j0', 'j0', 'j0']);
  claimed.resolve([workOf({ jobId: 'j0', delivery: 0, runId: 'r0', hasBacklog: false })]);
  await s.until(() => s.completed.length === 1);
  await settled();
  await clock.turn(60_000);
  assert.equal(s.touched.length, 3);
  await s.worker.stop(0);
});

Deno.test('a statement that meets a broken connection is tried again, ever later', async () => {
  const clock = handClock();
  const tried: number[] = [];
  const executed = Promise.withResolvers<void>();
  const complete: Engine['complete'] = () => {
    tried.push(clock.now());
    executed.resolve();
    if (tried.length < 4) return Promise.reject(new Error('connection terminated'));
    return Promise.resolve({ next: [], refused: [] });
  };
  const s = stage(1, [transform('a', '1')], { complete }, { clock });
  s.worker.start();
  await executed.promise;
  await settled();
  await clock.turn(60_000);
  assert.deepEqual(tried, [0, 200, 600, 1_400]);
  assert.deepEqual([s.worker.stats.completed, s.worker.stats.failed], [1, 0]);
  await s.worker.stop(0);
});

Deno.test('what is due in the database is looked at when it is due', async () => {
  const clock = handClock();
  const looked: number[] = [];
  const wake: Engine['wake'] = () => {
    looked.push(clock.now());
    return Promise.resolve({ inMs: looked.length === 1 ? 20_000 : undefined, schedules: false });
  };
  const s = stage(0, [transform('a', '1')], { wake }, { clock });
  s.worker.start();
  await settled();
  await clock.turn(50_000);
  assert.deepEqual(looked, [0, 20_000]);
  await s.worker.stop(0);
});
