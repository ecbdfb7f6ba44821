// One step: its attempts, its waits, and what its failure means for the run.

import type { CancellationScope } from '@temporalio/workflow';
import type { CompletedOutcome, Json, StepFailure, StepKey, WaitingOutcome } from '../records.ts';
import { AttemptFailed, attemptFailed } from './failures.ts';
import { fitting, isMirrored, MAX_OUTPUTS_CHARS, MIRRORED } from './payloads.ts';
import type { AttemptCall, AttemptPlan, Progress, StepEnd, StepPlan } from './plan.ts';
import { nextAttemptAt } from './retries.ts';
import type { Run } from './run.ts';
import { Stopped } from './scheduler.ts';

/** A failure that no retry follows. */
class FailedForGood extends Error {
  readonly failure: StepFailure;
  constructor(failure: StepFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** Throws Stopped when the run ends meanwhile, also because of this step. */
export async function performStep(
  run: Run,
  node: string,
  plan: StepPlan,
  element?: AttemptPlan,
): Promise<StepEnd> {
  try {
    const itemsOf: ItemsOf = (list) => performItems(run, node, plan, element, list);
    return await attempts(run, { node, item: 0 }, plan, { itemsOf });
  } catch (error) {
    if (!(error instanceof FailedForGood)) throw error;
    const end = afterFailure(plan, error.failure);
    if (end !== undefined) return end;
    run.endWith({
      status: 'failed',
      error: { ...error.failure, step_id: node },
      compensates: true,
    });
    throw new Stopped('the step failed');
  }
}

/** Undefined: the run fails. */
function afterFailure(plan: StepPlan, failure: StepFailure): StepEnd | undefined {
  const output: Json = { error: { ...failure } as Json };
  const edges = plan.failureEdges ?? [];
  const isTimeout = /^(http_|code_)?timeout$/.test(failure.code);
  if (isTimeout && edges.includes('timeout'))
    return { status: 'failed', output, handle: 'timeout' };
  if (edges.includes('error')) return { status: 'failed', output, handle: 'error' };
  return plan.onError === 'continue' ? { status: 'failed', output } : undefined;
}

/** The output of a compensation, or undefined when it failed for good: the others run all the same. */
export async function performCompensation(
  run: Run,
  node: string,
  plan: AttemptPlan,
): Promise<void> {
  try {
    await attempts(run, { node, item: -1 }, plan);
  } catch (error) {
    if (!(error instanceof FailedForGood)) throw error;
  }
}

interface Own {
  /** Executes the items of a list. */
  itemsOf?: ItemsOf;
  /** The element of the list, of an item. */
  element?: Json;
  /** The items end together when one fails. */
  group?: CancellationScope;
}

type ItemsOf = (wait: { items: Json[]; concurrency: number }) => Promise<Json>;

/** Attempts until one completes, or fails for good. */
async function attempts(
  run: Run,
  id: Omit<StepKey, 'attempt'>,
  plan: AttemptPlan,
  own: Own = {},
): Promise<Extract<StepEnd, { status: 'completed' }>> {
  const progress = run.progress(id.node, id.item);
  for (;;) {
    const key = { ...id, attempt: progress.attempt };
    try {
      if (progress.wait === undefined) {
        if (progress.dueAt !== undefined) await run.scheduler.until(progress.dueAt, own.group);
        progress.dueAt = undefined;
        const outcome = await attempt(run, key, plan, progress, own);
        if (outcome.kind === 'completed') return completed(outcome);
        beginWait(progress, outcome.wait);
      }
      return await endOfWait(run, key, progress, own);
    } catch (error) {
      if (error instanceof Stopped) throw error;
      if (error instanceof Rejected) {
        // The database has written the failure, and has decided about the next attempt.
        if (error.retryAt === undefined) throw new FailedForGood(error.failure);
        nextAttempt(progress, error.retryAt);
        continue;
      }
      const { failure, input } = attemptFailed(error);
      const isList = progress.wait === 'items';
      const retryAt = isList
        ? undefined
        : nextAttemptAt(plan.retry, failure, {
            attempt: progress.attempt,
            startedAt: progress.startedAt ?? Date.now(),
            now: Date.now(),
            random: Math.random(),
          });
      // The failed item of a list has a record of its own, and the database fails the list with it.
      if (!isList) {
        run.journal.add({
          ...key,
          kind: 'failed',
          error: failure,
          ...(input === undefined ? {} : { input }),
          ...(retryAt === undefined ? {} : { retry_at: new Date(retryAt).toISOString() }),
        });
      }
      if (retryAt === undefined) throw new FailedForGood(failure);
      nextAttempt(progress, retryAt);
    }
  }
}

function nextAttempt(progress: Progress, dueAt: number): void {
  progress.attempt += 1;
  progress.dueAt = dueAt;
  progress.wait = undefined;
}

const completed = (outcome: CompletedOutcome) => ({
  status: 'completed' as const,
  output: outcome.output as Json,
  ...(outcome.handle === undefined ? {} : { handle: outcome.handle }),
});

async function attempt(
  run: Run,
  key: StepKey,
  plan: AttemptPlan,
  progress: Progress,
  { element, group }: Own,
): Promise<CompletedOutcome | WaitingOutcome> {
  const makeCall = (): AttemptCall => {
    const now = Date.now();
    progress.startedAt ??= now;
    const limit = plan.retry?.max_elapsed_ms;
    const outputs = run.outputs(plan.reads);
    return {
      ...key,
      run: run.args.run,
      // The call of a local activity is not in the history.
      outputs: plan.isLocal ? outputs : fitting(outputs, MAX_OUTPUTS_CHARS),
      ...(plan.readsInput ? { input: run.args.input } : {}),
      ...(element === undefined ? {} : { element }),
      now,
      seed: Math.floor(Math.random() * 2 ** 32),
      ...(limit === undefined ? {} : { leftMs: Math.max(0, progress.startedAt + limit - now) }),
    };
  };
  const type = key.item === 0 ? key.node : `${key.node}.${key.item > 0 ? 'item' : 'compensate'}`;
  const record = await run.scheduler.attempt(type, plan, makeCall, group);
  if (record.kind === 'failed') throw new AttemptFailed(record.error, record.input);
  if (record.kind === 'ended') throw new Error('an activity does not end the run');
  return record;
}

function beginWait(progress: Progress, wait: WaitingOutcome['wait']): void {
  if (wait.kind === 'delay') {
    progress.wait = 'delay';
    progress.dueAt = wait.wake_at ? Date.parse(wait.wake_at) : Date.now() + (wait.timeout_ms ?? 0);
  } else if (wait.kind === 'items') {
    progress.wait = 'items';
    progress.items = wait.items ?? [];
    progress.concurrency = wait.concurrency ?? 10;
  } else {
    progress.wait = 'command';
  }
}

/** The database wrote that the waiting step failed. */
class Rejected extends Error {
  readonly failure: StepFailure;
  readonly retryAt: number | undefined;
  constructor(failure: StepFailure, retryAt: string | undefined) {
    super(failure.message);
    this.failure = failure;
    this.retryAt = retryAt === undefined ? undefined : Date.parse(retryAt);
  }
}

async function endOfWait(run: Run, key: StepKey, progress: Progress, { itemsOf, group }: Own) {
  if (progress.wait === 'delay') {
    await run.scheduler.until(progress.dueAt ?? 0, group);
    run.journal.add({ ...key, kind: 'completed', output: {} });
    return { status: 'completed' as const, output: {} };
  }
  if (progress.wait === 'items') {
    if (!itemsOf) throw new Error('only a for_each has items');
    const { items = [], concurrency = 10 } = progress;
    const output = await itemsOf({ items, concurrency });
    progress.items = undefined;
    return { status: 'completed' as const, output };
  }
  const decision = await run.decisions.of(key);
  if (decision.kind === 'reject') throw new Rejected(decision.error, decision.retry_at);
  return completed({ ...decision, kind: 'completed' });
}

/** Executes the items in their order, `concurrency` at a time; the results keep the order of the list. */
async function performItems(
  run: Run,
  node: string,
  list: StepPlan,
  element: AttemptPlan | undefined,
  { items, concurrency }: { items: Json[]; concurrency: number },
): Promise<Json> {
  if (element === undefined) throw new Error('only a for_each has items');
  let next = 0;
  const group = run.scheduler.group();
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const at = next;
      next += 1;
      const progress = run.progress(node, at + 1);
      progress.end ??= await item(at).catch((error: unknown) => {
        group.cancel();
        throw error;
      });
    }
  };
  const item = async (at: number): Promise<StepEnd> => {
    try {
      return await attempts(run, { node, item: at + 1 }, element, {
        element: items[at] ?? null,
        group,
      });
    } catch (error) {
      if (!(error instanceof FailedForGood)) throw error;
      const { failure } = error;
      if (list.onError === 'continue') {
        return { status: 'failed', output: { error: { ...failure } as Json } };
      }
      throw new AttemptFailed({ ...failure, retryable: false, item_index: at + 1 } as StepFailure);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, lane));
  const outputs = items.map((_, at) => {
    const { end } = run.progress(node, at + 1);
    return end === undefined || end.status === 'skipped' ? null : end.output;
  });
  return outputs.some(isMirrored) ? MIRRORED : outputs;
}
