// The worker: takes tokens, executes the steps they carry, commits the answers in groups, and goes
// on with the next steps of the same branches, until it is stopped or its budget is spent.

import type {
  AheadStep,
  CompletedBranch,
  Engine,
  FailedStep,
  HeldToken,
  Presence,
  StartFacts,
  Token,
  WaitingStep,
  Work,
} from '../_shared/engine/engine.ts';
import type { TokenQueue } from '../_shared/engine/queue.ts';
import { isRefused } from '../_shared/engine/refused.ts';
import { StepError } from '../_shared/steps/index.ts';
import { answered, runAhead, startsAhead } from './ahead.ts';
import type { Announce } from './announce.ts';
import { createBatcher } from './batcher.ts';
import { type Budget, unlimited } from './budget.ts';
import { type Answer, type ExecuteDeps, execute } from './execute.ts';
import { createHandover } from './handover.ts';
import type { RunMemory } from './run-memory.ts';
import { runSchedules } from './schedules.ts';
import type { Wakeup } from './wakeups.ts';

export interface WorkerOptions {
  engine: Engine;
  queue: TokenQueue;
  memory: RunMemory;
  execute: ExecuteDeps;
  /** Steps executed at the same time. */
  concurrency: number;
  /** A token that its worker has not touched for this long goes to another worker. */
  leaseSeconds: number;
  /** What the worker says of itself to whoever looks. */
  presence(): Presence;
  /** How often to look for work without a hint. */
  pollMs(): number;
  /** How often to look whether the runs of steps under way have ended. */
  lookMs(): number;
  /** Tells watchers outside the database that runs moved, and relays outbox messages. */
  publish: Announce;
  onError(what: string, error: unknown): void;
}

export interface Worker {
  start(): void;
  wake(wakeup: Wakeup): void;
  /** Works until nothing is left or the budget is spent; resolves with whether work is left. */
  runWithin(budget: Budget): Promise<{ steps: number; more: boolean }>;
  /** Takes nothing new, hands back what is not finished within the grace time, and ends. */
  stop(graceMs: number): Promise<void>;
  readonly stats: { executing: number; tokens: number; completed: number; failed: number };
}

interface Executing {
  work: Work;
  abort: AbortController;
}

const FETCH_AT_MOST = 100;
/** A worker is heard of at least every twice this long; engine.watch_workers knows. */
const PRESENCE_MS = 20_000;
/** After tokens were found, the queue is read again so much later (create_tokens tells a quiet queue only). */
const LOOK_AGAIN_MS = [30, 300, 3_000];
/** A statement that failed (the database restarts, say) is tried again for about a lease. */
const WRITE_ATTEMPTS = 8;

export function createWorker(options: WorkerOptions): Worker {
  const { engine, queue, memory } = options;
  const executing = new Map<string, Executing>();
  const tokens = new Map<string, number>();
  /** Which delivery of its token this worker holds. */
  const deliveries = new Map<string, number>();
  const stats = {
    executing: 0,
    completed: 0,
    failed: 0,
    get tokens() {
      return tokens.size;
    },
  };
  const due = { wake: true, relay: true, admit: true, fetch: true };
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const idleListeners = new Set<() => void>();
  /** Tokens that this worker holds and will not execute the steps of any more. */
  const stranded = new Map<string, HeldToken>();
  let budget: Budget = unlimited;
  /** Runs wait for room in the queue: they are let in whenever tokens were taken from it. */
  let moreWait = false;
  /** Something was written that may have left messages: an invocation looks once more before it ends. */
  let unrelayed = false;
  let pumping = false;
  let turning: Promise<void> = Promise.resolve();
  let taking = false;
  let wakeTimer: ReturnType<typeof setTimeout> | undefined;
  let trail: ReturnType<typeof setTimeout>[] = [];

  const handover = createHandover({
    publish: options.publish,
    confirm: (outboxIds) => engine.confirmPublished(outboxIds),
    relay: () => wake({ kind: 'outbox' }),
    later,
    idle: settleIdle,
    onError: options.onError,
  });
  const batching = { keyOf: (step: { work: Work }) => step.work.run_id };
  const completions = createBatcher<CompletedBranch>({
    ...batching,
    sizeOf: (branch) => 1 + branch.ahead.length,
    onError(error, branches) {
      const [branch] = branches;
      if (!branch || !isRefused(error)) return lost(error, branches);
      memory.forgetOutputs(branch.work.run_id);
      stats.completed -= branch.ahead.length || 1;
      // What ran ahead of it may be what is refused: it runs in its turn then.
      if (branch.ahead.length > 0) completions.add({ ...branch, ahead: [] });
      else if (branch.starts) beginInTurn([branch]);
      else failRefused(branch.work, error);
    },
    async flush(steps) {
      const { next, refused } = await persistently('complete', () => engine.complete(steps));
      for (const runId of refused) memory.forgetOutputs(runId);
      if (steps.some(({ details }) => details?.emit)) due.relay = true;
      const isUnstarted = (step: CompletedBranch) =>
        step.starts === true && refused.includes(step.work.run_id);
      follow(
        steps.filter((step) => !isUnstarted(step)),
        next,
      );
      beginInTurn(steps.filter(isUnstarted));
    },
  });
  const failures = createBatcher<FailedStep>({
    ...batching,
    onError(error, steps) {
      const [step] = steps;
      const { details, ...bare } = step?.error ?? {};
      const hasMore = details !== undefined || step?.input !== undefined;
      if (step && hasMore && isRefused(error)) {
        failures.add({ work: step.work, input: undefined, error: bare });
      } else lost(error, steps);
    },
    async flush(steps) {
      follow(steps, await persistently('fail', () => engine.fail(steps)));
      due.wake = true;
      pump();
    },
  });
  const waits = createBatcher<WaitingStep>({
    ...batching,
    onError(error, steps) {
      const [step] = steps;
      if (step && isRefused(error)) failRefused(step.work, error);
      else lost(error, steps);
    },
    async flush(steps) {
      await persistently('wait', () => engine.wait(steps));
      if (steps.some(({ wait }) => wait.work_queue_id)) due.relay = true;
      follow(steps, []);
      due.wake = true;
      pump();
    },
  });

  /** What could not be written stays claimed in the database: its lease runs out and others go on. */
  function lost(error: unknown, steps: { work: Work }[]): void {
    options.onError('answers could not be written; their tokens expire', error);
    follow(steps, []);
  }

  /** What the database refuses to store it would refuse from every worker: the step fails, and says why. */
  function failRefused(work: Work, reason: unknown): void {
    const why = reason instanceof Error ? reason.message : String(reason);
    const error = new StepError('invalid_output', `the answer cannot be stored: ${why}`);
    stats.failed += 1;
    failures.add({ work, input: undefined, error: error.toJSON() });
  }

  async function persistently<T>(what: string, statement: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await statement();
      } catch (error) {
        options.onError(what, error);
        if (attempt >= WRITE_ATTEMPTS || isRefused(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, Math.min(100 * 2 ** attempt, 5_000)));
      }
    }
  }

  function enter(works: readonly Work[]): void {
    for (const work of works) {
      memory.enter(work.run_id);
      tokens.set(work.job_id, (tokens.get(work.job_id) ?? 0) + 1);
      const abort = new AbortController();
      executing.set(work.step_run_id, { work, abort });
      stats.executing = executing.size;
      void execute(work, abort.signal, options.execute).then(async (result) =>
        answer(result, await runOn(result, abort.signal)),
      );
    }
  }

  /** What surely follows an answer, executed before it is written. */
  async function runOn(result: Answer, signal: AbortSignal): Promise<AheadStep[]> {
    if (result.kind !== 'completed' || !taking || budget.spent) return [];
    return await runAhead(result, signal, options.execute).catch((error: unknown) => {
      options.onError('run ahead', error);
      return [];
    });
  }

  /** Executes the first step of a run that nobody has to know of before it is done, and what follows. */
  function begin({ jobId, runId, delivery }: Token, start: StartFacts, stepId: string): void {
    const { app_code, workflow_version_id, input, trace_id } = start;
    const work: Work = {
      ...{ job_id: jobId, run_id: runId, app_code, workflow_version_id, step_id: stepId },
      ...{ step_run_id: '', item_index: 0, attempt: 1, claim: 1 },
    };
    memory.enter(runId);
    memory.keepFacts({ run_id: runId, input, trace_id });
    tokens.set(jobId, 1);
    deliveries.set(jobId, delivery);
    const abort = new AbortController();
    executing.set(jobId, { work, abort });
    stats.executing = executing.size;
    void execute(work, abort.signal, options.execute).then(async (result) => {
      const ahead = await runOn(result, abort.signal);
      executing.delete(jobId);
      stats.executing = executing.size;
      if (result.kind === 'completed') {
        stats.completed += 1 + ahead.length;
        completions.add({ work, ...answered(result), ahead, starts: true });
      } else beginInTurn([{ work }]);
    });
  }

  /** Runs that cannot begin with what their first step answered start as others do, and it is executed again. */
  function beginInTurn(branches: readonly { work: Work }[]): void {
    if (branches.length === 0) return;
    const again = branches.map(({ work }) => ({
      jobId: work.job_id,
      delivery: deliveries.get(work.job_id) ?? 0,
      runId: work.run_id,
      moreWait: false,
    }));
    follow(branches, []);
    claim(again).catch((error: unknown) => options.onError('claim; their tokens expire', error));
  }

  function leave(work: Work): void {
    const left = (tokens.get(work.job_id) ?? 1) - 1;
    if (left > 0) tokens.set(work.job_id, left);
    else {
      tokens.delete(work.job_id);
      deliveries.delete(work.job_id);
    }
    memory.leave(work.run_id);
  }

  function answer(answer: Answer, ahead: AheadStep[]): void {
    const { work } = answer;
    executing.delete(work.step_run_id);
    stats.executing = executing.size;
    if (answer.kind === 'completed') {
      stats.completed += 1 + ahead.length;
      completions.add({ work, ...answered(answer), ahead });
    } else if (answer.kind === 'waiting') {
      const {
        kind: _kind,
        reason,
        wakeAt,
        timeoutMs,
        signalName,
        workQueueId,
        task,
        ...more
      } = answer.result;
      waits.add({
        work,
        input: answer.input,
        wait: {
          kind: reason,
          wake_at: wakeAt?.toISOString(),
          timeout_ms: timeoutMs ?? task?.deadline_ms,
          signal_name: signalName,
          work_queue_id: workQueueId,
          task,
          ...more,
        },
      });
    } else if (answer.error.code === 'cancelled') {
      // The run ended in the database already, or this worker stops: there is nothing to write.
      follow([{ work }], []);
    } else {
      stats.failed += 1;
      failures.add({ work, input: answer.input, error: answer.error.toJSON() });
    }
  }

  /** The steps are written; their branches go on with `next`. */
  function follow(steps: readonly { work: Work }[], next: readonly Work[]): void {
    unrelayed = true;
    if (taking && !budget.spent) enter(next);
    else strand(held(next.map((w) => w.job_id)));
    const runs = new Set<string>();
    for (const { work } of steps) {
      leave(work);
      runs.add(work.run_id);
    }
    tell([...runs].map((runId) => ({ runId, event: 'run.changed' })));
    pump();
  }

  function tell(messages: readonly { runId: string; event: string }[]): void {
    if (messages.length === 0) return;
    options.publish(messages).catch((error: unknown) => options.onError('publish', error));
  }

  function pump(): void {
    if (pumping || !taking) {
      if (!pumping) settleIdle();
      return;
    }
    pumping = true;
    turning = turn().finally(() => {
      pumping = false;
      if (taking && !budget.spent && hasRoom() && Object.values(due).includes(true)) pump();
      else settleIdle();
    });
  }

  /**
   * How many more tokens may be taken. Those whose answers wait to be written count too: what comes
   * to the front of the queue must not find a worker that has taken all of it.
   */
  function room(): number {
    return Math.min(options.concurrency - Math.max(executing.size, tokens.size), FETCH_AT_MOST);
  }

  function hasRoom(): boolean {
    return room() > 0;
  }

  async function turn(): Promise<void> {
    try {
      if (budget.spent) return;
      if (due.wake) {
        due.wake = false;
        const next = await engine.wake();
        armWake(next.inMs);
        if (next.schedules) {
          await runSchedules(engine);
          due.wake = due.relay = due.admit = true;
        }
      }
      if (due.relay) {
        due.relay = false;
        unrelayed = false;
        const { messages, more, full } = await engine.relay();
        if (more) due.relay = due.admit = true;
        handover.take(messages, full);
        due.fetch = true;
      }
      if (due.admit) await admit();
      while (due.fetch && taking && hasRoom() && !budget.spent) {
        const asked = room();
        due.fetch = false;
        const fetched = await queue.fetch(asked);
        if (fetched.length === 0) break;
        if (!taking) {
          strand(fetched);
          break;
        }
        // A hint that came while the queue was read stays.
        if (fetched.length === asked) due.fetch = true;
        lookAgain();
        await take(fetched);
        if (moreWait || fetched.some((token) => token.moreWait)) await admit();
      }
    } catch (error) {
      options.onError('take work', error);
      due.wake = due.relay = due.admit = due.fetch = false;
      later(1_000, () => wake({ kind: 'everything' }));
    }
  }

  /** While the queue was read somebody may have made a token, or got in line, and thought it busy. */
  function lookAgain(): void {
    for (const timer of trail) clearTimeout(timer);
    trail = LOOK_AGAIN_MS.map((ms) =>
      setTimeout(() => {
        due.admit = true;
        wake({ kind: 'steps' });
      }, ms),
    );
  }

  /** Runs whose first step may run ahead of their start begin at once; the others are claimed. */
  async function take(fetched: readonly Token[]): Promise<void> {
    const others = await Promise.all(
      fetched.map(async (token) => {
        if (!token.start) return token;
        const plan = await options.execute.plans
          .get(token.start.workflow_version_id)
          .catch(() => undefined);
        const first = plan && startsAhead(plan);
        if (!first) return token;
        begin(token, token.start, first.id);
        return undefined;
      }),
    );
    await claim(others.filter((token) => token !== undefined));
  }

  /** What the steps will read of their runs is read while the tokens are claimed. */
  async function claim(fetched: readonly Token[]): Promise<void> {
    if (fetched.length === 0) return;
    if (!taking) {
      strand(fetched);
      return;
    }
    for (const { runId, jobId, delivery } of fetched) {
      deliveries.set(jobId, delivery);
      memory.enter(runId);
      memory.facts(runId).catch(() => undefined);
    }
    try {
      const works = await engine.claim(fetched);
      // An invocation may have come to its end meanwhile: it answers for nothing that it starts now.
      if (taking) enter(works);
      else strand(held(works.map((work) => work.job_id)));
    } finally {
      for (const { runId, jobId } of fetched) {
        memory.leave(runId);
        if (!tokens.has(jobId)) deliveries.delete(jobId);
      }
    }
  }

  async function admit(): Promise<number> {
    due.admit = false;
    const { admitted, moreWait: more } = await engine.admit();
    moreWait = more;
    if (admitted > 0) due.fetch = true;
    return admitted;
  }

  function armWake(dueInMs: number | undefined): void {
    clearTimeout(wakeTimer);
    if (dueInMs === undefined || !taking) return;
    // Longer waits than a timer can hold are looked at again by the poll.
    wakeTimer = setTimeout(() => wake({ kind: 'due' }), Math.min(Math.max(dueInMs, 5), 60_000));
  }

  function wake(wakeup: Wakeup): void {
    if (wakeup.kind === 'cancel') {
      for (const { work, abort } of executing.values()) {
        // What undoes the run goes on: that is how it ends.
        if (work.run_id === wakeup.runId && work.item_index >= 0) {
          abort.abort(new StepError('cancelled', 'the run ended'));
        }
      }
      return;
    }
    if (wakeup.kind === 'stop') {
      executing.get(wakeup.stepRunId)?.abort.abort(new StepError('cancelled', 'the step ended'));
      return;
    }
    if (wakeup.kind === 'steps' || wakeup.kind === 'everything') due.fetch = true;
    if (wakeup.kind === 'outbox' || wakeup.kind === 'everything') due.relay = true;
    if (wakeup.kind === 'admit' || wakeup.kind === 'everything') due.admit = true;
    // A place that is being freed shows when that is committed, and whoever frees it may have seen nobody wait.
    if (wakeup.kind === 'admit' && taking) lookAgain();
    if (wakeup.kind === 'due' || wakeup.kind === 'everything') due.wake = true;
    pump();
  }

  function later(ms: number, action: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      action();
    }, ms);
    timers.add(timer);
  }

  function every(ms: () => number, action: () => void): void {
    later(ms(), () => {
      action();
      if (taking) every(ms, action);
    });
  }

  function busy(): boolean {
    return tokens.size > 0 || pumping || handover.busy;
  }

  function settleIdle(): void {
    if (busy()) return;
    if (unrelayed && taking && budget !== unlimited && !budget.spent) {
      unrelayed = false;
      due.relay = due.admit = true;
      pump();
      return;
    }
    for (const listener of [...idleListeners]) listener();
  }

  function idle(withinMs: number): Promise<boolean> {
    if (!busy()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(false), Math.max(0, withinMs));
      const listener = () => done(true);
      function done(value: boolean): void {
        clearTimeout(timer);
        idleListeners.delete(listener);
        resolve(value);
      }
      idleListeners.add(listener);
    });
  }

  /** Where nothing brings word of a cancellation, the runs of the steps under way are asked for. */
  function watchRuns(): void {
    every(options.lookMs, () => {
      const runIds = [...new Set([...executing.values()].map(({ work }) => work.run_id))];
      if (runIds.length === 0) return;
      engine
        .endedRuns(runIds)
        .then((ended) => {
          for (const runId of ended) wake({ kind: 'cancel', runId });
        })
        .catch((error: unknown) => options.onError('look at runs', error));
    });
  }

  function strand(left: readonly HeldToken[]): void {
    for (const { jobId, delivery } of left) stranded.set(jobId, { jobId, delivery });
  }

  function held(jobIds: Iterable<string>): HeldToken[] {
    return [...jobIds].flatMap((jobId) => {
      const delivery = deliveries.get(jobId);
      return delivery === undefined ? [] : [{ jobId, delivery }];
    });
  }

  function keepLeases(): void {
    const third = () => (options.leaseSeconds * 1000) / 3;
    every(third, () => {
      if (tokens.size === 0) return;
      queue.touch(held(tokens.keys())).catch((error: unknown) => options.onError('touch', error));
    });
    // Some jitter keeps workers that started together from sweeping together.
    every(
      () => Math.min(third(), PRESENCE_MS) * (1 + Math.random()),
      () => {
        engine
          .expireTokens(options.leaseSeconds, options.presence())
          .then((count) => (count > 0 ? wake({ kind: 'steps' }) : undefined))
          .catch((error: unknown) => options.onError('expire', error));
      },
    );
  }

  async function handBack(): Promise<boolean> {
    const left = new Map(held(tokens.keys()).map((token) => [token.jobId, token]));
    for (const { abort } of executing.values()) {
      abort.abort(new StepError('cancelled', 'the worker stops'));
    }
    await turning;
    await Promise.all([completions.drain(), waits.drain()]);
    // Last: an answer of the others that is refused becomes one of these.
    await failures.drain();
    for (const [jobId, token] of stranded) left.set(jobId, token);
    stranded.clear();
    if (left.size > 0) {
      await engine
        .release([...left.values()])
        .catch((error: unknown) => options.onError('release', error));
    }
    return left.size > 0;
  }

  function stopTaking(): void {
    taking = false;
    clearTimeout(wakeTimer);
    for (const timer of [...timers, ...trail]) clearTimeout(timer);
    timers.clear();
  }

  return {
    stats,
    wake,
    start() {
      taking = true;
      keepLeases();
      watchRuns();
      every(options.pollMs, () => wake({ kind: 'everything' }));
      wake({ kind: 'everything' });
    },
    async runWithin(limit) {
      const before = stats.completed + stats.failed;
      budget = limit;
      taking = true;
      keepLeases();
      watchRuns();
      engine
        .expireTokens(options.leaseSeconds, options.presence())
        .catch((e: unknown) => options.onError('expire', e));
      wake({ kind: 'everything' });
      // A timer of whole milliseconds would fire a moment before the limit.
      await idle(Math.ceil(limit.wallLeftMs));
      stopTaking();
      const handedBack = await handBack();
      budget = unlimited;
      return {
        steps: stats.completed + stats.failed - before,
        more: handedBack || limit.spent || due.fetch || due.relay || due.admit,
      };
    },
    async stop(graceMs) {
      stopTaking();
      await idle(graceMs);
      await handBack();
    },
  };
}
