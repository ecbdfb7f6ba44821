// The completer: writes the outcomes of attempts, gathered by kind, in batches. It retries a statement that
// fails, for about a lease. If the database rejects the values of a batch, or a batch takes too long, the batcher
// halves it until the outcome that is the cause stands alone, so that it costs its own step and no other. The batcher
// also repeats statements that waited too long for a lock.

import type { Clock } from '../_shared/clock/clock.ts';
import { isContentFault, isLockTimeout, isStatementTimeout } from '../_shared/db/faults.ts';
import { retry } from '../_shared/db/retry.ts';
import { createBatcher } from './batcher.ts';
import { resultOf } from './eager-execution.ts';
import type {
  CompletedBranch,
  EagerStep,
  Engine,
  FailedStep,
  Traced,
  WaitingStep,
  Work,
} from './engine/engine.ts';
import type { AttemptOutcome } from './executor.ts';
import { waitOf } from './outcomes.ts';
import { StepError } from './steps/index.ts';
import type { Span } from './tracing/span.ts';

export interface CompleterOptions {
  engine: Pick<Engine, 'complete' | 'fail' | 'wait'>;
  clock: Clock;
  /** The steps are written, or given up; their branches continue with `next`. */
  advance(steps: readonly { work: Work }[], next: readonly Work[]): void;
  /** The engine did not accept these eager starts: their runs have to be claimed. */
  startByClaim(branches: readonly { work: Work }[]): void;
  /** The run did not accept every result: its outputs in memory may be wrong. */
  forgetOutputs(runId: string): void;
  /** Exports the spans of steps that are written. */
  exportSpans(spans: readonly Span[]): void;
  /** Messages were written to the outbox, or a timer was set. */
  signal(what: 'outbox' | 'timers'): void;
  onError(message: string, error: unknown): void;
}

export interface Completer {
  /** `eager`: steps that were executed after a completed one; `startsRun`: its run starts with it. */
  add(outcome: AttemptOutcome, eager: EagerStep[], startsRun?: boolean): void;
  /** Resolves when everything added so far is written, or given up. */
  drain(): Promise<void>;
  readonly counts: { completed: number; failed: number };
}

export function createCompleter(options: CompleterOptions): Completer {
  const { engine, advance, signal, onError } = options;
  const counts = { completed: 0, failed: 0 };
  const batching = {
    keyOf: (step: { work: Work }) => step.work.run_id,
    appOf: (step: { work: Work }) => step.work.app_code,
    clock: options.clock,
  };

  const completions = createBatcher<CompletedBranch>({
    ...batching,
    sizeOf: (branch) => 1 + branch.eager.length,
    async flush(branches) {
      const { next, refused } = await persistently('complete', () => engine.complete(branches));
      for (const runId of refused) options.forgetOutputs(runId);
      if (branches.some(({ details }) => details?.emit)) signal('outbox');
      const isNotStarted = ({ startsRun, work }: CompletedBranch) =>
        startsRun === true && refused.includes(work.run_id);
      const written = branches.filter((branch) => !isNotStarted(branch));
      exportSpans(
        written.flatMap((branch) =>
          // Eager steps of such a run are executed again.
          refused.includes(branch.work.run_id) ? [branch] : [branch, ...branch.eager],
        ),
      );
      advance(written, next);
      options.startByClaim(branches.filter(isNotStarted));
    },
    onError(error, branches) {
      const [branch] = branches;
      if (!branch || !isContentFault(error)) return giveUp(error, branches);
      options.forgetOutputs(branch.work.run_id);
      counts.completed -= branch.eager.length || 1;
      // An eager step may be the cause: without them, they are executed in the normal way.
      if (branch.eager.length > 0) completions.add({ ...branch, eager: [] });
      else if (branch.startsRun) options.startByClaim([branch]);
      else failRejected(branch.work, error);
    },
  });

  const failures = createBatcher<FailedStep>({
    ...batching,
    async flush(steps) {
      const next = await persistently('fail', () => engine.fail(steps));
      exportSpans(steps);
      signal('timers');
      advance(steps, next);
    },
    onError(error, steps) {
      const [step] = steps;
      const { details, ...bare } = step?.error ?? {};
      const hasMore = details !== undefined || step?.input !== undefined;
      if (step && hasMore && isContentFault(error)) {
        failures.add({ work: step.work, input: undefined, error: bare, ...spanOf(step) });
      } else giveUp(error, steps);
    },
  });

  const waits = createBatcher<WaitingStep>({
    ...batching,
    // Each element of a for_each becomes a row in the same statement.
    sizeOf: ({ wait }) => 1 + (Array.isArray(wait.items) ? wait.items.length : 0),
    async flush(steps) {
      await persistently('wait', () => engine.wait(steps));
      exportSpans(steps);
      if (steps.some(({ wait }) => wait.work_queue_id)) signal('outbox');
      signal('timers');
      advance(steps, []);
    },
    onError(error, steps) {
      const [step] = steps;
      if (step && isContentFault(error)) failRejected(step.work, error);
      else giveUp(error, steps);
    },
  });

  function exportSpans(steps: readonly Traced[]): void {
    const spans = steps.flatMap(({ span }) => (span === undefined ? [] : [span]));
    if (spans.length > 0) options.exportSpans(spans);
  }

  /** The steps stay claimed in the database until their leases expire; then another worker executes them. */
  function giveUp(error: unknown, steps: { work: Work }[]): void {
    onError(
      `the outcomes of ${steps.length} steps could not be written; they run again when their leases expire`,
      error,
    );
    advance(steps, []);
  }

  /** The database would treat the outcome in the same way from every worker, so the step fails with the reason. */
  function failRejected(work: Work, reason: unknown): void {
    const why = reason instanceof Error ? reason.message : String(reason);
    const error = isStatementTimeout(reason)
      ? new StepError('engine_timeout', 'the database did not process the result in time')
      : new StepError('invalid_output', `the result cannot be stored: ${why}`);
    counts.failed += 1;
    failures.add({ work, input: undefined, error: error.toJSON() });
  }

  /** Retries after every error that the batcher does not handle: nothing else may lose an outcome. */
  function persistently<T>(name: 'complete' | 'fail' | 'wait', call: () => Promise<T>): Promise<T> {
    return retry(call, {
      clock: options.clock,
      isRetryable: (error) => !isContentFault(error) && !isLockTimeout(error),
      onRetry(error, attempt, attempts) {
        onError(`engine.${name} failed; retrying (attempt ${attempt} of ${attempts})`, error);
      },
    });
  }

  return {
    counts,
    add(outcome, eager, startsRun = false) {
      const { work } = outcome;
      if (outcome.kind === 'completed') {
        counts.completed += 1 + eager.length;
        completions.add({ work, ...resultOf(outcome), eager, startsRun });
      } else if (outcome.kind === 'waiting') {
        waits.add({ work, input: outcome.input, wait: waitOf(outcome.result), ...spanOf(outcome) });
      } else if (outcome.error.code === 'cancelled') {
        // The run has already ended in the database, or this worker stops: there is nothing to write.
        exportSpans([outcome]);
        advance([{ work }], []);
      } else {
        counts.failed += 1;
        failures.add({
          work,
          input: outcome.input,
          error: outcome.error.toJSON(),
          ...spanOf(outcome),
        });
      }
    },
    async drain() {
      await Promise.all([completions.drain(), waits.drain()]);
      // Last, because a rejected completion or wait becomes a failure.
      await failures.drain();
    },
  };
}

const spanOf = ({ span }: Traced): Traced => (span === undefined ? {} : { span });
