// Acts on the runs of operations on many runs, beside the work for runs: one slice of an operation of each application in
// turn. The database writes the progress with the effects, so a slice that fails has none and is repeated.

import { isLockTimeout, isStatementTimeout } from '../_shared/db/faults.ts';
import type { DueOperation, Engine } from './engine/engine.ts';
import { SingleJob } from './single-job.ts';

/** A run has a savepoint; a backend keeps 64 of them at hand. */
const SLICE = 50;

export interface RunOperationsOptions {
  engine: Pick<Engine, 'dueOperations' | 'advanceOperation' | 'failOperationRun'>;
  acceptsWork(): boolean;
  /** Slices make tokens and messages. */
  onSlice(): void;
  onIdle(): void;
  onError(message: string, error: unknown): void;
}

export class RunOperations {
  readonly #options: RunOperationsOptions;
  readonly #job: SingleJob;

  constructor(options: RunOperationsOptions) {
    this.#options = options;
    this.#job = new SingleJob(() => this.#run(), options.onIdle);
  }

  get isBusy(): boolean {
    return this.#job.isBusy;
  }

  settled(): Promise<void> {
    return this.#job.settled();
  }

  /** Acts until no operation is due. After an error the next look at the timers starts it again. */
  start(): void {
    this.#job.start();
  }

  async #run(): Promise<void> {
    const { acceptsWork, engine, onError, onSlice } = this.#options;
    try {
      for (let runs = 1; runs > 0; ) {
        runs = 0;
        for (const operation of await engine.dueOperations()) {
          if (!acceptsWork()) return;
          // 0: another worker acts on its runs, or it waits. Another operation may go on.
          runs += await this.#advance(operation);
        }
        if (runs > 0) onSlice();
      }
    } catch (error) {
      onError('a slice of an operation on many runs failed; it is repeated', error);
    }
  }

  async #advance(operation: DueOperation): Promise<number> {
    const { engine, onError } = this.#options;
    try {
      return await engine.advanceOperation(operation, SLICE);
    } catch (error) {
      if (!isTooSlow(error)) throw error;
    }
    // One of the runs takes too long: the runs before it get slices of their own.
    try {
      return await engine.advanceOperation(operation, 1);
    } catch (error) {
      if (!isTooSlow(error)) throw error;
      onError(`a run of operation ${operation.operation_id} takes too long; it is skipped`, error);
      await engine.failOperationRun(operation, String(error));
      return 1;
    }
  }
}

const isTooSlow = (error: unknown) => isStatementTimeout(error) || isLockTimeout(error);
