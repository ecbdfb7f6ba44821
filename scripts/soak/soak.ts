// The soak: slices of runs, one after another, with a sample after each. The engine's own maintenance deletes the runs
// behind them, because the application keeps its runs for seconds (applications.run_retention_days). The soak adapts
// this retention to the speed, so that the tables always keep the same number of runs.

import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import {
  type BenchDatabase,
  type BenchEnvironment,
  createBenchEnvironment,
} from '../bench/environment.ts';
import { type HttpTarget, startHttpTarget } from '../bench/http-target.ts';
import { calling, linear, makeOwner, memberSession, publish } from '../bench/owner.ts';
import { STEPS } from '../bench/sizes.ts';
import { type Stepbase, startStepbase } from '../bench/stepbase.ts';
import { auditRuns } from '../chaos/audit.ts';
import { keptBytes, MESSAGES, type Sample, takeSample } from './sample.ts';
import { judge, type Verdict } from './verdict.ts';

export interface SoakOptions {
  steps: number;
  say: (message: string) => void;
}

export interface SoakResult extends Verdict {
  steps: number;
  seconds: number;
  /** How many runs retention keeps. */
  retained_runs: number;
  runs_deleted: number;
  runs_kept: number;
  runs_audited: number;
  /** Bytes of the messages of Realtime for each step; the partition of the day keeps them. */
  messages_bytes_per_step: number;
  /** Whether the steps were enough for a verdict about size and speed. */
  is_judged: boolean;
}

const TEN = 'ten-steps';
const CALLING = 'ten-calling-steps';
const IN_FLIGHT = 100;
/** The share of runs whose steps call HTTP: they are claimed and updated, while the others are only inserted. */
const CALLING_SHARE = 0.2;
/** Of each slice. */
const AUDITED = 50;

/** Each quarter has at least ten samples. */
const SLICES = 40;
const MOST_RUNS_IN_SLICE = 1_000;
export const LEAST_STEPS = SLICES * STEPS * 2;
/** Below it, autovacuum does not come around often enough in each quarter. */
const JUDGED_STEPS = 300_000;
/** The share of all runs that retention keeps: the tables are full long before the second quarter. */
const RETAINED_SHARE = 1 / 12;
/** The number of maintenance calls: with 2,000,000 steps one every twenty seconds. */
const MAINTENANCES = 40;
/** The audit of a slice ends before its runs are deleted. */
const LEAST_RETENTION_S = 5;
/** A soak that is slower than this has failed. */
const LEAST_STEPS_PER_S = 250;
const START_MS = 120_000;
/** A session reports the rows that it deleted up to ten seconds later. */
const COUNTED_MS = 30_000;

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const environment = await createBenchEnvironment();
  // The worker ends with this process; the data would stay.
  const abandon = () => void environment.stop().finally(() => process.exit(130));
  process.once('SIGINT', abandon).once('SIGTERM', abandon);
  let target: HttpTarget | undefined;
  let stepbase: Stepbase | undefined;
  let db: pg.Pool | undefined;
  try {
    target = await startHttpTarget(environment.dataDir);
    const database = await makeDatabase(environment, target.url);
    stepbase = await startStepbase(environment, database);
    db = new pg.Pool({ connectionString: database.url, max: 8, application_name: 'soak' });
    db.on('error', () => undefined);
    return await new Soak(environment, database, stepbase, db, options).run();
  } finally {
    process.off('SIGINT', abandon).off('SIGTERM', abandon);
    await db?.end();
    await stepbase?.stop();
    await target?.stop();
    await environment.stop();
  }
}

async function makeDatabase(environment: BenchEnvironment, url: string): Promise<BenchDatabase> {
  const database = await environment.migratedDatabase();
  await makeOwner(database);
  const member = await memberSession(database);
  await publish(member, TEN, linear(STEPS));
  await publish(member, CALLING, calling(STEPS, url));
  await member.end();
  return database;
}

class Soak {
  readonly #environment: BenchEnvironment;
  readonly #database: BenchDatabase;
  readonly #stepbase: Stepbase;
  readonly #db: pg.Pool;
  readonly #options: SoakOptions;
  readonly #samples: Sample[] = [];
  #started = 0;
  #audited = 0;

  constructor(
    environment: BenchEnvironment,
    database: BenchDatabase,
    stepbase: Stepbase,
    db: pg.Pool,
    options: SoakOptions,
  ) {
    this.#environment = environment;
    this.#database = database;
    this.#stepbase = stepbase;
    this.#db = db;
    this.#options = options;
  }

  async run(): Promise<SoakResult> {
    const { steps } = this.#options;
    const sliceRuns = Math.min(Math.floor(steps / STEPS / SLICES), MOST_RUNS_IN_SLICE);
    const retainedRuns = Math.ceil((steps / STEPS) * RETAINED_SHARE);
    await this.#slice(sliceRuns);
    await this.#environment.quiesce(this.#database);

    const begun = performance.now();
    const deadline = begun + START_MS + (steps * 1_000) / LEAST_STEPS_PER_S;
    const ends: { runs: number; at: number }[] = [{ runs: this.#started, at: begun }];
    const done = { steps: 0, ms: 0 };
    const take = async () => {
      this.#samples.push(
        await takeSample(this.#db, this.#stepbase, this.#environment.postmaster, { ...done }),
      );
    };
    await take();
    let maintenance: Promise<unknown> = Promise.resolve();
    while (done.steps < steps) {
      if (performance.now() > deadline) {
        throw new Error(`${done.steps} of ${steps} steps were completed in time`);
      }
      const before = done.steps;
      const runs = Math.min(sliceRuns, Math.ceil((steps - done.steps) / STEPS));
      done.ms += await this.#slice(runs);
      done.steps += runs * STEPS;
      await take();
      this.#sayProgress(steps);
      ends.push({ runs: this.#started, at: performance.now() });
      const count = (at: number) => Math.floor((at * MAINTENANCES) / steps);
      if (count(done.steps) > count(before)) {
        // Beside the next slices, as pg_cron does it. One that is late delays the next, and the tables grow.
        await maintenance;
        const newest = ends.findLast(({ runs }) => runs <= this.#started - retainedRuns);
        if (newest) maintenance = this.#maintain((performance.now() - newest.at) / 1_000);
        // Thrown by the next await.
        maintenance.catch(() => undefined);
      }
    }
    await maintenance;
    return await this.#result((performance.now() - begun) / 1_000, retainedRuns);
  }

  async #maintain(retentionS: number): Promise<void> {
    await this.#db.query('update stepbase.applications set run_retention_days = $1', [
      Math.max(retentionS, LEAST_RETENTION_S) / 86_400,
    ]);
    await this.#db.query('select stepbase_engine.maintain()');
  }

  /** Milliseconds of work; then audits the newest runs of both kinds. */
  async #slice(runs: number): Promise<number> {
    const called = Math.max(1, Math.round(runs * CALLING_SHARE));
    let ms = 0;
    for (const [workflow, count] of [
      [TEN, runs - called],
      [CALLING, called],
    ] as const) {
      ms += await this.#stepbase.many(workflow, count, IN_FLIGHT);
      this.#started += count;
      await this.#audit(this.#stepbase.take().slice(-AUDITED));
    }
    return ms;
  }

  async #audit(runIds: readonly string[]): Promise<void> {
    const [problem] = await auditRuns(this.#db, runIds);
    if (problem) throw new Error(`a run is wrong: ${JSON.stringify(problem)}`);
    this.#audited += runIds.length;
  }

  #sayProgress(steps: number): void {
    const [before, now] = this.#samples.slice(-2);
    if (!before || !now) return;
    const speed = ((now.steps - before.steps) * 1_000) / (now.ms - before.ms);
    this.#options.say(
      `${now.steps} of ${steps} steps: ${speed.toFixed(0)} steps/s, ${(keptBytes(now) / 2 ** 20).toFixed(0)} MB, ${now.deletedRuns} runs deleted`,
    );
  }

  async #result(seconds: number, retained_runs: number): Promise<SoakResult> {
    const { steps } = this.#options;
    const verdict = judge(this.#samples);
    const is_judged = steps >= JUDGED_STEPS;
    const faults = is_judged ? verdict.faults : [];
    const { kept, incomplete, deleted } = await this.#runsLeft();
    if (incomplete > 0) faults.push(`${incomplete} runs did not complete`);
    if (kept + deleted !== this.#started) {
      faults.push(
        `${this.#started} runs were started, ${kept} are left and ${deleted} were deleted`,
      );
    }
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    const messages = (sample: Sample | undefined) => {
      const table = sample?.tables.find(({ name }) => name === MESSAGES);
      return table ? table.heap + table.indexes + table.toast : 0;
    };
    return {
      ...verdict,
      faults,
      steps,
      seconds,
      retained_runs,
      runs_deleted: deleted,
      runs_kept: kept,
      runs_audited: this.#audited,
      messages_bytes_per_step: (messages(last) - messages(first)) / steps,
      is_judged,
    };
  }

  /** Every run was started, and is left or was deleted. */
  async #runsLeft(): Promise<{ kept: number; incomplete: number; deleted: number }> {
    await this.#db.query('update stepbase.applications set run_retention_days = default');
    const end = performance.now() + COUNTED_MS;
    for (;;) {
      const { rows } = await this.#db.query<{
        kept: number;
        incomplete: number;
        deleted: number;
      }>(
        `select count(*)::int as kept, count(*) filter (where r.status <> 'completed')::int as incomplete,
           (select s.n_tup_del::int from pg_stat_all_tables s where s.relid = 'stepbase.runs'::regclass) as deleted
         from stepbase.runs r`,
      );
      const [row] = rows;
      if (!row) throw new Error('the runs cannot be counted');
      if (row.kept + row.deleted === this.#started || performance.now() > end) return row;
      await pause(200);
    }
  }
}
