// The dispatcher: gives claimed steps to the executor and their outcomes to the completer, and continues each
// branch with the steps that follow. It counts the branches of every token and run in flight.

import type { Completer } from './completer.ts';
import type { Token, Work } from './engine/types.ts';
import type { InFlightSteps } from './in-flight.ts';
import type { Leases } from './leases.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { RunMemory } from './run-memory.ts';
import type { NotifyRuns } from './run-notifier.ts';

export interface DispatcherOptions {
  lifecycle: Pick<Lifecycle, 'acceptsWork'>;
  memory: Pick<RunMemory, 'retain' | 'release' | 'keepFacts'>;
  leases: Leases;
  steps: InFlightSteps;
  completer: Completer;
  notify: NotifyRuns;
  /** A run whose first step did not complete starts by a claim, which executes the step again. */
  startByClaim(branches: readonly { work: Work }[]): void;
  /** Steps were written: there may be messages to relay and room for more tokens. */
  onWritten(): void;
  onError(message: string, error: unknown): void;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  dispatch(works: readonly Work[]): void {
    const { memory, leases, steps, completer } = this.#options;
    for (const work of works) {
      memory.retain(work.run_id);
      leases.retain(work.job_id);
      steps.execute(work, work.step_run_id, (outcome, eager) => completer.add(outcome, eager));
    }
  }

  /** Executes the first step of a pending run without claiming it; the completer writes both, start and step. */
  startEagerly(token: Token, start: NonNullable<Token['start']>, stepId: string): void {
    const { memory, leases, steps, completer, startByClaim } = this.#options;
    const { jobId, runId } = token;
    const { app_code, workflow_version_id, ...facts } = start;
    const work: Work = {
      ...{ job_id: jobId, run_id: runId, app_code, workflow_version_id, step_id: stepId },
      ...{ step_run_id: '', item_index: 0, attempt: 1, fence: 1 },
    };
    memory.retain(runId);
    memory.keepFacts({ run_id: runId, ...facts });
    leases.acquire(token);
    leases.retain(jobId);
    steps.execute(work, jobId, (outcome, eager) => {
      if (outcome.kind === 'completed') completer.add(outcome, eager, true);
      else startByClaim([{ work }]);
    });
  }

  /** These steps are written; their branches continue with `next`. */
  advance(written: readonly { work: Work }[], next: readonly Work[]): void {
    const { lifecycle, memory, leases, onWritten } = this.#options;
    // Before the release: a token whose branch continues keeps its lease.
    if (lifecycle.acceptsWork) this.dispatch(next);
    else leases.abandon(leases.list(next.map((work) => work.job_id)));
    const runIds = new Set<string>();
    for (const { work } of written) {
      leases.release(work.job_id);
      memory.release(work.run_id);
      runIds.add(work.run_id);
    }
    this.#notify([...runIds]);
    onWritten();
  }

  #notify(runIds: readonly string[]): void {
    if (runIds.length === 0) return;
    const { notify, onError } = this.#options;
    notify(runIds.map((runId) => ({ runId, event: 'run.changed' }))).catch((error: unknown) => {
      onError(
        'a notification could not be published; subscribers find the change by polling',
        error,
      );
    });
  }
}
