// Answers on their way into the database: what became of steps is gathered by kind and written in
// batches. A statement that meets a broken connection is tried again; one that the database refuses
// for what is in it is halved by its batcher until the one answer stands alone, which is then dealt
// with here, so that it costs its own step and nobody else's.

import { type Clock, pause } from '../_shared/clock/clock.ts';
import { isRejected } from '../_shared/db/faults.ts';
import { createBatcher } from './batcher.ts';
import { answered } from './eager-execution.ts';
import type {
  CompletedBranch,
  EagerStep,
  Engine,
  FailedStep,
  WaitingStep,
  Work,
} from './engine/engine.ts';
import type { AttemptOutcome } from './executor.ts';
import { StepError } from './steps/index.ts';

/** A statement that failed (the database restarts, say) is tried again for about a lease. */
const WRITE_ATTEMPTS = 8;

export interface CompleterOptions {
  engine: Pick<Engine, 'complete' | 'fail' | 'wait'>;
  clock: Clock;
  /** The steps are written, or given up; their branches go on with `next`. */
  follow(steps: readonly { work: Work }[], next: readonly Work[]): void;
  /** These runs did not begin with what their first step answered. */
  beginInTurn(branches: readonly { work: Work }[]): void;
  /** The run did not take every answer: what is remembered of it may be wrong. */
  forget(runId: string): void;
  /** What was written left messages, or something that will be due. */
  due(what: 'relay' | 'wake'): void;
  onError(what: string, error: unknown): void;
}

export interface Completer {
  /** `ahead`: what followed a completed step already; `starts`: its run begins with it. */
  add(answer: AttemptOutcome, ahead: EagerStep[], starts?: boolean): void;
  /** Resolves when everything added so far is written, or given up. */
  drain(): Promise<void>;
  readonly counts: { completed: number; failed: number };
}

export function createCompleter(options: CompleterOptions): Completer {
  const { engine, follow, due, onError } = options;
  const counts = { completed: 0, failed: 0 };
  const batching = { keyOf: (step: { work: Work }) => step.work.run_id };

  const completions = createBatcher<CompletedBranch>({
    ...batching,
    sizeOf: (branch) => 1 + branch.ahead.length,
    async flush(branches) {
      const { next, refused } = await persistently('complete', () => engine.complete(branches));
      for (const runId of refused) options.forget(runId);
      if (branches.some(({ details }) => details?.emit)) due('relay');
      const isUnstarted = ({ starts, work }: CompletedBranch) =>
        starts === true && refused.includes(work.run_id);
      follow(
        branches.filter((branch) => !isUnstarted(branch)),
        next,
      );
      options.beginInTurn(branches.filter(isUnstarted));
    },
    onError(error, branches) {
      const [branch] = branches;
      if (!branch || !isRejected(error)) return lost(error, branches);
      options.forget(branch.work.run_id);
      counts.completed -= branch.ahead.length || 1;
      // What ran ahead of it may be what is refused: it runs in its turn then.
      if (branch.ahead.length > 0) completions.add({ ...branch, ahead: [] });
      else if (branch.starts) options.beginInTurn([branch]);
      else failRefused(branch.work, error);
    },
  });

  const failures = createBatcher<FailedStep>({
    ...batching,
    async flush(steps) {
      const next = await persistently('fail', () => engine.fail(steps));
      due('wake');
      follow(steps, next);
    },
    onError(error, steps) {
      const [step] = steps;
      const { details, ...bare } = step?.error ?? {};
      const hasMore = details !== undefined || step?.input !== undefined;
      if (step && hasMore && isRejected(error)) {
        failures.add({ work: step.work, input: undefined, error: bare });
      } else lost(error, steps);
    },
  });

  const waits = createBatcher<WaitingStep>({
    ...batching,
    async flush(steps) {
      await persistently('wait', () => engine.wait(steps));
      if (steps.some(({ wait }) => wait.work_queue_id)) due('relay');
      due('wake');
      follow(steps, []);
    },
    onError(error, steps) {
      const [step] = steps;
      if (step && isRejected(error)) failRefused(step.work, error);
      else lost(error, steps);
    },
  });

  /** What could not be written stays claimed in the database: its lease runs out and others go on. */
  function lost(error: unknown, steps: { work: Work }[]): void {
    onError('answers could not be written; their tokens expire', error);
    follow(steps, []);
  }

  /** What the database refuses to store it would refuse from every worker: the step fails, and says why. */
  function failRefused(work: Work, reason: unknown): void {
    const why = reason instanceof Error ? reason.message : String(reason);
    const error = new StepError('invalid_output', `the answer cannot be stored: ${why}`);
    counts.failed += 1;
    failures.add({ work, input: undefined, error: error.toJSON() });
  }

  async function persistently<T>(what: string, statement: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await statement();
      } catch (error) {
        onError(what, error);
        if (attempt >= WRITE_ATTEMPTS || isRejected(error)) throw error;
        await pause(options.clock, Math.min(100 * 2 ** attempt, 5_000));
      }
    }
  }

  return {
    counts,
    add(answer, ahead, starts = false) {
      const { work } = answer;
      if (answer.kind === 'completed') {
        counts.completed += 1 + ahead.length;
        completions.add({ work, ...answered(answer), ahead, starts });
      } else if (answer.kind === 'waiting') {
        waits.add({ work, input: answer.input, wait: waitOf(answer) });
      } else if (answer.error.code === 'cancelled') {
        // The run ended in the database already, or this worker stops: there is nothing to write.
        follow([{ work }], []);
      } else {
        counts.failed += 1;
        failures.add({ work, input: answer.input, error: answer.error.toJSON() });
      }
    },
    async drain() {
      await Promise.all([completions.drain(), waits.drain()]);
      // Last: an answer of the others that is refused becomes one of these.
      await failures.drain();
    },
  };
}

/** What a waiting step waits for, in the engine's words. */
function waitOf({ result }: Extract<AttemptOutcome, { kind: 'waiting' }>): WaitingStep['wait'] {
  const { kind: _kind, reason, wakeAt, timeoutMs, signalName, workQueueId, task, ...more } = result;
  return {
    kind: reason,
    wake_at: wakeAt?.toISOString(),
    timeout_ms: timeoutMs ?? task?.deadline_ms,
    signal_name: signalName,
    work_queue_id: workQueueId,
    task,
    ...more,
  };
}
