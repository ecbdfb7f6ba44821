// Checks versions that were published, beside the work for runs: the checker finds what SQL cannot decide. Findings are
// stored for people; runs do not depend on them.

import { checkDefinition, type Fault } from '../_shared/checker/index.ts';
import type { DueCheck, Engine } from './engine/engine.ts';
import { SingleJob } from './single-job.ts';

export interface VersionChecksOptions {
  engine: Pick<Engine, 'dueChecks' | 'recordCheck'>;
  acceptsWork(): boolean;
  onIdle(): void;
  onError(message: string, error: unknown): void;
}

export class VersionChecks {
  readonly #options: VersionChecksOptions;
  readonly #job: SingleJob;

  constructor(options: VersionChecksOptions) {
    this.#options = options;
    this.#job = new SingleJob(() => this.#run(), options.onIdle);
  }

  get isBusy(): boolean {
    return this.#job.isBusy;
  }

  settled(): Promise<void> {
    return this.#job.settled();
  }

  /** Checks until no version is left. After an error the next look at the timers starts it again. */
  start(): void {
    this.#job.start();
  }

  async #run(): Promise<void> {
    const { acceptsWork, engine, onError } = this.#options;
    try {
      for (let due = await engine.dueChecks(); due.length > 0; due = await engine.dueChecks()) {
        for (const version of due) {
          if (!acceptsWork()) return;
          await engine.recordCheck(version.workflow_version_id, await this.#check(version));
        }
      }
    } catch (error) {
      onError('the check of published versions failed; it is repeated', error);
    }
  }

  async #check(due: DueCheck): Promise<Fault[]> {
    try {
      return await checkDefinition(due.definition, due.context);
    } catch (error) {
      // The same definition would fail again.
      this.#options.onError(`the version ${due.workflow_version_id} cannot be checked`, error);
      const message = `the checker failed: ${error instanceof Error ? error.message : String(error)}`;
      return [{ node: null, pointer: '', code: 'not_checked', message, severity: 'warning' }];
    }
  }
}
