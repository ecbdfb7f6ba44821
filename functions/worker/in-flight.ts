// The steps that this worker executes at present: starts them, each together with the steps that follow it
// eagerly, and cancels them.

import { executeEagerly } from './eager-execution.ts';
import type { EagerStep, Work } from './engine/types.ts';
import { type AttemptOutcome, type ExecutorDeps, execute } from './executor.ts';
import { StepError } from './steps/index.ts';

interface InFlight {
  work: Work;
  abort: AbortController;
}

export interface InFlightOptions {
  executor: ExecutorDeps;
  acceptsWork(): boolean;
  onError(message: string, error: unknown): void;
}

export type OnOutcome = (outcome: AttemptOutcome, eager: EagerStep[]) => void;

export class InFlightSteps {
  readonly #options: InFlightOptions;
  readonly #steps = new Map<string, InFlight>();

  constructor(options: InFlightOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#steps.size;
  }

  /** How many steps of each app are in flight. */
  byApp(): Map<string, number> {
    const steps = new Map<string, number>();
    for (const { work } of this.#steps.values()) {
      steps.set(work.app_code, (steps.get(work.app_code) ?? 0) + 1);
    }
    return steps;
  }

  runIds(): string[] {
    return [...new Set([...this.#steps.values()].map(({ work }) => work.run_id))];
  }

  /** Executes a step; `key` is unique among the steps in flight: the step run's id, where there is one. */
  execute(work: Work, key: string, onOutcome: OnOutcome): void {
    const abort = new AbortController();
    this.#steps.set(key, { work, abort });
    void execute(work, abort.signal, this.#options.executor).then(async (outcome) => {
      const eager = await this.#executeFollowing(outcome, abort.signal);
      this.#steps.delete(key);
      onOutcome(outcome, eager);
    });
  }

  cancelRun(runId: string): void {
    for (const { work, abort } of this.#steps.values()) {
      // Compensations continue: they are how the run ends.
      if (work.run_id === runId && work.item_index !== -1) {
        abort.abort(new StepError('cancelled', 'the run ended'));
      }
    }
  }

  cancelStep(stepRunId: string): void {
    this.#steps.get(stepRunId)?.abort.abort(new StepError('cancelled', 'the step ended'));
  }

  cancelAll(): void {
    for (const { abort } of this.#steps.values()) {
      abort.abort(new StepError('cancelled', 'the worker stops'));
    }
  }

  /** The steps that must follow, executed before the outcome is written. */
  async #executeFollowing(outcome: AttemptOutcome, signal: AbortSignal): Promise<EagerStep[]> {
    const { executor, acceptsWork, onError } = this.#options;
    if (outcome.kind !== 'completed' || !acceptsWork()) return [];
    return await executeEagerly(outcome, signal, executor).catch((error: unknown) => {
      onError('eager execution failed; the steps are executed when they are claimed', error);
      return [];
    });
  }
}
