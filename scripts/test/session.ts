// A run of several parts: prints each result, the whole output of the parts that failed, the names of the failed tests,
// and as its last line `N passed, N failed`. Time limits grow with the machine (machine.ts) up to a limit for all parts together.

import { rmSync } from 'node:fs';
import { coverageFolders } from '../coverage/folders.ts';
import { onOrphaned } from '../stack/orphan.ts';
import { measureMachine, timeFactor } from './machine.ts';
import { logDir, type Part, type PartResult, runPart, stopParts } from './part.ts';
import { TIME_FACTOR } from './time.ts';

/** Code whose executed lines are counted is slower. */
const COVERAGE_FACTOR = coverageFolders() ? 2 : 1;

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

export class Session {
  readonly #results: PartResult[] = [];
  readonly #started = performance.now();
  readonly #limitMs: number;
  readonly #cleanUp: () => Promise<void>;
  readonly #afterCleanUp: (() => Promise<PartResult>) | undefined;
  readonly #only: readonly string[];
  #factor = COVERAGE_FACTOR;
  #interrupted = false;

  /**
   * `cleanUp` runs at the end in any case; `afterCleanUp` is one more part, unless the run was interrupted;
   * `limitMs` bounds the sum of all parts; `only` names the parts to run, each by a part of its name.
   */
  constructor(options: {
    limitMs: number;
    cleanUp: () => Promise<void>;
    afterCleanUp?: () => Promise<PartResult>;
    only?: readonly string[];
  }) {
    this.#limitMs = options.limitMs;
    this.#cleanUp = options.cleanUp;
    this.#afterCleanUp = options.afterCleanUp;
    this.#only = options.only ?? [];
    const interrupt = () => {
      if (this.#interrupted) return;
      this.#interrupted = true;
      void stopParts('interrupted');
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
    onOrphaned(interrupt);
  }

  get interrupted(): boolean {
    return this.#interrupted;
  }

  /** Measures the machine; the slowest measurement counts until the end. */
  calibrate(): void {
    const machine = measureMachine();
    const factor = timeFactor(machine) * COVERAGE_FACTOR;
    if (factor <= this.#factor) return;
    this.#factor = factor;
    console.log(
      `time limits × ${factor.toFixed(1)} (CPU sample ${Math.round(machine.cpuMs)} ms, ` +
        `fork ${Math.round(machine.forkMs)} ms, ${machine.cores} cores, load ${machine.load.toFixed(1)})`,
    );
  }

  async run(part: Part): Promise<void> {
    if (this.#interrupted) return;
    if (this.#only.length > 0 && !this.#only.some((name) => part.name.includes(name))) return;
    const leftMs = this.#limitMs - (performance.now() - this.#started);
    if (leftMs <= 0) {
      const stopped = `not started: all parts together may take ${seconds(this.#limitMs)}`;
      const counts = { passed: 0, failed: 1, ms: 0 };
      this.#report({ name: part.name, ...counts, output: stopped, failures: [stopped], stopped });
      return;
    }
    const factor = Math.min(this.#factor, leftMs / part.limitMs);
    const env = { ...part.env, [TIME_FACTOR]: this.#factor.toFixed(2) };
    this.#report(await runPart({ ...part, env }, factor));
  }

  #report(result: PartResult): void {
    this.#results.push(result);
    const verdict = result.stopped ? 'STOPPED' : result.failed === 0 ? 'ok     ' : 'FAILED ';
    const stopped = result.stopped ? `; ${result.stopped}` : '';
    console.log(
      `${verdict} ${result.name}: ${result.passed} passed, ${result.failed} failed ` +
        `(${seconds(result.ms)}${stopped})`,
    );
    // Here too, because a reader may see only the first lines of a long output.
    for (const failure of result.failures) console.log(`          ${failure}`);
  }

  /** At the end, where they are seen when the output is cut. */
  #printFailures(more: readonly string[]): void {
    const failures = this.#results.flatMap((result) =>
      result.failures.map((failure) => `${result.name}: ${failure}`),
    );
    const all = [...failures, ...more];
    if (all.length > 0) console.log(`\nfailed tests:\n${all.map((one) => `  ${one}`).join('\n')}`);
  }

  /** Runs `parts`, cleans up, prints the summary and ends the process. */
  async finish(parts: () => Promise<void>): Promise<never> {
    let broken: unknown;
    try {
      await parts();
      if (this.#results.length === 0 && !this.#interrupted) {
        throw new Error(`no part has a name with ${this.#only.join(' or ')}`);
      }
    } catch (error) {
      broken = error;
    }
    await this.#cleanUp();
    if (this.#afterCleanUp && !this.#interrupted) this.#report(await this.#afterCleanUp());
    const failures = broken !== undefined && !this.#interrupted ? 1 : 0;
    if (failures > 0) console.log('\n── the test run itself ──\n', broken);
    for (const result of this.#results.filter(({ failed }) => failed > 0)) {
      if (!this.#interrupted) {
        console.log(`\n── ${result.name} ──\n${result.output.trimEnd()}`);
      }
    }
    console.log(`all parts: ${seconds(performance.now() - this.#started)}`);
    const passed = this.#results.reduce((sum, result) => sum + result.passed, 0);
    const failed = this.#results.reduce((sum, result) => sum + result.failed, failures);
    if (failed > 0) console.log(`The output of every part is in ${logDir}`);
    else rmSync(logDir, { recursive: true, force: true });
    const [fault] = String(broken).split('\n');
    this.#printFailures(failures > 0 ? [`the test run itself: ${fault}`] : []);
    console.log(`\n${passed} passed, ${failed} failed`);
    process.exit(this.#interrupted ? 130 : failed === 0 ? 0 : 1);
  }
}
