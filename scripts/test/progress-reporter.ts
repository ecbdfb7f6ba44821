// A Vitest reporter that appends every result to a file as soon as it is known. The JSON report of Vitest is
// written at the end of the run only, so a run that is stopped would have no counts at all.

import { appendFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import type { ProgressEntry } from './progress.ts';

/** The path of the file; the reporter is loaded by Vitest and has no other argument. */
export const PROGRESS_FILE = 'STEPBASE_TEST_PROGRESS';

export default class ProgressReporter implements Reporter {
  readonly #path = process.env[PROGRESS_FILE];

  onTestModuleQueued({ relativeModuleId }: TestModule): void {
    this.#append({ event: 'file_started', file: relativeModuleId });
  }

  onTestCaseResult(test: TestCase): void {
    const { state } = test.result();
    if (state === 'pending') return;
    this.#append({ event: 'test', file: test.module.relativeModuleId, state, name: test.fullName });
  }

  onTestModuleEnd(module: TestModule): void {
    const { relativeModuleId } = module;
    this.#append({ event: 'file_ended', file: relativeModuleId, ok: module.state() !== 'failed' });
  }

  /** Synchronous: the process may be killed right after it. */
  #append(entry: ProgressEntry): void {
    if (this.#path) appendFileSync(this.#path, `${JSON.stringify(entry)}\n`);
  }
}
