// Executing one step: load what its expressions read, resolve its config, run its handler within
// its time, and say what came of it. Nothing is written here; the answer goes to the batchers.

import type { Clock } from '../_shared/clock/clock.ts';
import type { Work } from './engine/engine.ts';
import type { CompiledNode, Plans, Runnable } from './plans.ts';
import type { RunMemory } from './run-memory.ts';
import {
  type CompiledStep,
  type Completed,
  type StepContext,
  type StepEnv,
  StepError,
  toStepError,
  type Waiting,
} from './steps/index.ts';

/** An attempt that was taken over this often killed its workers: it fails instead of going round. */
export const MAX_CLAIMS = 5;

/** A worker that hands a step back adds this to its claims but the one it had (stepbase_engine.release). */
const HANDED_BACK = 1_000;

/** A step without a timeout of its own does not hold its token for ever. */
export const DEFAULT_TIMEOUT_MS = 300_000;

export type SecretsOf = (appCode: string) => (name: string) => Promise<string | undefined>;

export interface ExecutorDeps {
  plans: Plans;
  memory: RunMemory;
  /** What attempts are timed by. */
  clock: Clock;
  env: StepEnv;
  secretsOf: SecretsOf;
  /** What a step may do in the database, under a key that is the same for every attempt. */
  servicesFor(runId: string, key: string): Pick<StepContext, 'queues' | 'runs'>;
}

export type AttemptOutcome =
  | { kind: 'completed'; work: Work; input: unknown; result: Completed }
  | { kind: 'waiting'; work: Work; input: unknown; result: Waiting }
  | { kind: 'failed'; work: Work; input: unknown; error: StepError };

export async function execute(
  work: Work,
  abort: AbortSignal,
  deps: ExecutorDeps,
): Promise<AttemptOutcome> {
  let input: unknown;
  try {
    if (work.claim % HANDED_BACK > MAX_CLAIMS) {
      throw new StepError(
        'worker_lost',
        `${MAX_CLAIMS} workers were lost while they ran this step`,
      );
    }
    const plan = await deps.plans.get(work.workflow_version_id);
    const node = plan.nodes.get(work.step_id);
    if (!node) throw new StepError('unknown_step', `the version has no node ${work.step_id}`);
    const part = partOf(node, work.item_index);
    if (!part) throw new StepError('unknown_step', `node ${work.step_id} has no such step`);
    const { step, timeoutMs, component } = part;
    if (step instanceof StepError) throw step;

    const leftMs = await timeLeft(work, part, deps);
    if (leftMs === 0) throw outOfTime('step');
    const time = attemptTime(timeoutMs ?? DEFAULT_TIMEOUT_MS, leftMs);
    const result = await within(time, deps.clock, abort, async (signal) => {
      const ctx = await contextOf(work, step, plan, signal, deps);
      if (component) ctx.component = component;
      if (timeoutMs !== undefined) ctx.timeoutMs = timeoutMs;
      const resolved = await step.resolve(ctx);
      input = resolved.stored;
      return await step.run(resolved, deps.secretsOf(work.app_code), ctx);
    });
    if (result.kind === 'waiting') {
      return { kind: 'waiting', work, input, result: waitAtMost(leftMs, result) };
    }
    if (work.item_index === 0) deps.memory.keepOutput(work.run_id, work.step_id, result.output);
    return { kind: 'completed', work, input, result };
  } catch (error) {
    return { kind: 'failed', work, input, error: toStepError(error) };
  }
}

/** What the step.completed event says besides: what was printed, and what the engine shall emit. */
export function detailsOf({ logs, emit }: Completed): Record<string, unknown> | undefined {
  if (!logs?.length && !emit?.length) return undefined;
  return { ...(logs?.length ? { logs } : {}), ...(emit?.length ? { emit } : {}) };
}

/** 0 is the step itself, from 1 on its items, -1 what undoes it. */
function partOf(node: CompiledNode, itemIndex: number): Runnable | undefined {
  if (itemIndex > 0) return node.item;
  return itemIndex < 0 ? node.compensation : node;
}

async function contextOf(
  work: Work,
  step: CompiledStep,
  plan: { workflow: string; version: number },
  signal: AbortSignal,
  deps: ExecutorDeps,
): Promise<StepContext> {
  const [facts, item, outputs] = await Promise.all([
    deps.memory.facts(work.run_id),
    work.item_index > 0 ? deps.memory.item(work.step_run_id) : undefined,
    step.reads.length === 0 && !step.usesContext
      ? new Map<string, unknown>()
      : deps.memory.outputs(work.run_id, step.usesContext ? 'all' : step.reads),
  ]);
  const key = `${work.run_id}:${work.step_id}:${work.item_index}`;
  return {
    run: {
      id: work.run_id,
      app_code: work.app_code,
      workflow: plan.workflow,
      version: plan.version,
      trace_id: facts.trace_id,
    },
    stepId: work.step_id,
    attempt: work.attempt,
    // Items count from 0 in expressions, as arrays do.
    itemIndex: Math.max(0, work.item_index - 1),
    item,
    idempotencyKey: key,
    signal,
    env: deps.env,
    ...deps.servicesFor(work.run_id, key),
    input: facts.input,
    steps: Object.fromEntries([...outputs].map(([id, output]) => [id, { output }])),
    context: Object.fromEntries(outputs),
  };
}

/** What is left of the time that the step may take with all of its attempts; undefined when nothing limits it. */
async function timeLeft(
  work: Work,
  { maxElapsedMs }: Runnable,
  { memory }: ExecutorDeps,
): Promise<number | undefined> {
  if (maxElapsedMs === undefined) return undefined;
  const isFirst = work.attempt === 1 && work.claim === 1;
  return Math.max(0, maxElapsedMs - (isFirst ? 0 : await memory.elapsed(work.step_run_id)));
}

const outOfTime = (of: AttemptTime['of']) =>
  new StepError('timeout', `the ${of} ran out of time`, { retryable: true });

interface AttemptTime {
  ms: number;
  /** Of what the time is up then. */
  of: 'attempt' | 'step';
}

function attemptTime(timeoutMs: number, leftMs = Number.POSITIVE_INFINITY): AttemptTime {
  return leftMs < timeoutMs ? { ms: leftMs, of: 'step' } : { ms: timeoutMs, of: 'attempt' };
}

/** A step that waits for somebody else does so no longer than it may take. */
function waitAtMost(leftMs: number | undefined, wait: Waiting): Waiting {
  if (leftMs === undefined || wait.reason === 'delay' || wait.reason === 'items') return wait;
  return {
    ...wait,
    timeoutMs: Math.min(wait.timeoutMs ?? Number.POSITIVE_INFINITY, Math.ceil(leftMs)),
  };
}

/**
 * Runs an attempt until it is aborted or its time is up; its signal says which. A handler that does
 * not listen to the signal is left behind: its late answer is nobody's.
 * (AbortSignal.timeout would keep a timer for every attempt long after it has ended.)
 */
function within<T>(
  { ms, of }: AttemptTime,
  clock: Clock,
  abort: AbortSignal,
  attempt: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  return new Promise((resolve, reject) => {
    const end = (reason: unknown) => {
      ending.abort(reason);
      reject(reason);
    };
    const onAbort = () => end(abort.reason);
    if (abort.aborted) return onAbort();
    const callOff = clock.after(ms, () => end(outOfTime(of)));
    abort.addEventListener('abort', onAbort, { once: true });
    attempt(ending.signal)
      .then(resolve, reject)
      .finally(() => {
        callOff();
        abort.removeEventListener('abort', onAbort);
      });
  });
}
