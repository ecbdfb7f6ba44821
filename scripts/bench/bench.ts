// The measurement: each round measures every contender once, in an order that rotates with the rounds; the other
// contenders are stopped meanwhile. The report has the median of the rounds.

import { type ContenderName, installContenders, runContender } from './contenders.ts';
import {
  type BenchDatabase,
  type BenchEnvironment,
  createBenchEnvironment,
} from './environment.ts';
import { type Contender, type Figures, figuresOf, median, shown } from './figures.ts';
import { fillHistory } from './history.ts';
import { type HttpTarget, startHttpTarget } from './http-target.ts';
import { countIdleStatements, LOG_LINE, logStatements } from './idle.ts';
import { measureLimit } from './limit.ts';
import { calling, fan, linear, makeOwner, memberSession, publish } from './owner.ts';
import { PROFILE_SETTINGS, type Profile, startProfile } from './profile.ts';
import { type Sizes, STEPS } from './sizes.ts';
import { type Stepbase, startStepbase } from './stepbase.ts';

export const ROWS = ['steps', 'run_ms', 'calling', 'fanout', 'loaded', 'growth', 'idle'] as const;
export type Row = (typeof ROWS)[number];
export interface BenchOptions {
  sizes: Sizes;
  rounds: number;
  rows: ReadonlySet<Row>;
  contenders: ReadonlySet<Contender>;
  /** Also profiles the first row, which slows it down. */
  profile: boolean;
  say: (message: string) => void;
}

export interface BenchResult {
  figures: Figures;
  /** The values of each round, by name. */
  rounds: Record<string, number[]>;
  /** Version and settings of the server. */
  server: string;
  profile: Profile | undefined;
}

const TEN = 'ten-steps';
const FAN = 'fan-out';
const CALLING = 'ten-calling-steps';
const LONG = 'long';

export async function measure(options: BenchOptions): Promise<BenchResult> {
  const { contenders, profile, rows, say } = options;
  if (contenders.has('dbos') || contenders.has('graphile_worker')) installContenders(say);
  const environment = await createBenchEnvironment([
    LOG_LINE,
    ...(profile ? PROFILE_SETTINGS : []),
  ]);
  // Workers and contenders end with this process; the data would stay.
  const abandon = () => void environment.stop().finally(() => process.exit(130));
  process.once('SIGINT', abandon).once('SIGTERM', abandon);
  try {
    const httpTarget = await startHttpTarget(environment.dataDir);
    try {
      return await new Bench(environment, httpTarget, options).run(rows);
    } finally {
      await httpTarget.stop();
    }
  } finally {
    process.off('SIGINT', abandon).off('SIGTERM', abandon);
    await environment.stop();
  }
}

class Bench {
  readonly #environment: BenchEnvironment;
  readonly #options: BenchOptions;
  readonly #measured = new Map<string, number[]>();
  readonly #httpTarget: HttpTarget;
  #profile: Profile | undefined;

  constructor(environment: BenchEnvironment, httpTarget: HttpTarget, options: BenchOptions) {
    this.#environment = environment;
    this.#httpTarget = httpTarget;
    this.#options = options;
  }

  async run(rows: ReadonlySet<Row>): Promise<BenchResult> {
    const turns = await this.#turns();
    for (let round = 0; round < this.#options.rounds; round += 1) {
      for (let i = 0; i < turns.length; i += 1) {
        const turn = turns[(i + round) % turns.length];
        await this.#environment.quiesce();
        await turn?.();
      }
    }
    const empty = this.#measured.get('steps_per_s.stepbase') ?? [];
    const loaded = this.#measured.get('steps_per_s.loaded') ?? [];
    // Of the same round: other load on the machine affects both.
    for (const [round, speed] of loaded.entries()) {
      this.#note('loaded_ratio', speed / (empty[round] ?? Number.NaN));
    }
    if (rows.has('idle') && this.#options.contenders.has('stepbase')) await this.#idle();
    return {
      figures: figuresOf(this.#measured),
      rounds: Object.fromEntries(this.#measured),
      server: await this.#environment.serverVersion(),
      profile: this.#profile,
    };
  }

  /** The measurements of a round; prepares their databases. */
  async #turns(): Promise<(() => Promise<void>)[]> {
    const { contenders, rows, sizes, say } = this.#options;
    const steps = rows.has('steps') || rows.has('loaded');
    const turns: (() => Promise<void>)[] = [];
    const stepbase = contenders.has('stepbase') && [...rows].some((row) => row !== 'idle');
    if (stepbase) {
      const database = await this.#stepbaseDatabase();
      turns.push(() => this.#stepbase(database, steps));
    }
    if (rows.has('loaded') && contenders.has('stepbase')) {
      const database = await this.#stepbaseDatabase();
      say(`filling ${sizes.history * STEPS} finished steps into a database`);
      await fillHistory(database, TEN, sizes.history);
      turns.push(() => this.#loaded(database));
    }
    if (
      contenders.has('dbos') &&
      (['steps', 'run_ms', 'calling'] as const).some((row) => rows.has(row))
    ) {
      const database = await this.#environment.emptyDatabase('bench_dbos');
      turns.push(() => this.#dbos(database));
    }
    if (contenders.has('graphile_worker') && rows.has('steps')) {
      const database = await this.#environment.emptyDatabase('bench_graphile_worker');
      turns.push(() => this.#graphileWorker(database));
    }
    if (contenders.has('limit') && rows.has('steps')) {
      const database = await this.#stepbaseDatabase();
      turns.push(async () => {
        const ms = await measureLimit(database, TEN, sizes.runs);
        this.#note('steps_per_s.limit', perSecond(sizes.runs * STEPS, ms));
      });
    }
    return turns;
  }

  async #stepbaseDatabase(): Promise<BenchDatabase> {
    const { rows, sizes } = this.#options;
    const database = await this.#environment.migratedDatabase();
    await makeOwner(database);
    const member = await memberSession(database);
    const { url } = this.#httpTarget;
    await publish(member, TEN, linear(STEPS));
    if (rows.has('calling')) await publish(member, CALLING, calling(STEPS, url));
    if (rows.has('fanout')) await publish(member, FAN, fan(sizes.branches));
    if (rows.has('growth')) await publish(member, LONG, calling(sizes.longSteps, url));
    await member.end();
    return database;
  }

  async #stepbase(database: BenchDatabase, steps: boolean): Promise<void> {
    const { rows, sizes, profile } = this.#options;
    const stepbase = await startStepbase(this.#environment, database);
    try {
      await this.#warmUp(stepbase, database);
      if (steps) {
        const finish = profile
          ? await startProfile(this.#environment, database, stepbase)
          : undefined;
        await this.#manySteps(stepbase, 'steps_per_s.stepbase');
        this.#profile = await finish?.(sizes.runs * STEPS);
        await stepbase.check(STEPS);
      }
      if (rows.has('run_ms')) {
        const each: number[] = [];
        for (let run = 0; run < sizes.oneByOne; run += 1) {
          each.push((await stepbase.one(TEN, 0)).ms);
        }
        await stepbase.check(STEPS);
        this.#note('run_ms.stepbase', median(each));
      }
      if (rows.has('calling')) {
        await stepbase.many(CALLING, sizes.warmUp, sizes.inFlight);
        const ms = await stepbase.many(CALLING, sizes.callingRuns, sizes.inFlight);
        await stepbase.check(STEPS);
        this.#note('calling_steps_per_s.stepbase', perSecond(sizes.callingRuns * STEPS, ms));
      }
      if (rows.has('fanout')) await this.#fanOut(stepbase);
      if (rows.has('growth')) await this.#growth(stepbase);
      const memory = await stepbase.workerMemory();
      if (memory !== undefined) this.#note('worker_rss_mb', memory);
    } finally {
      await stepbase.stop();
    }
  }

  async #loaded(database: BenchDatabase): Promise<void> {
    const stepbase = await startStepbase(this.#environment, database);
    try {
      await this.#warmUp(stepbase, database);
      await this.#manySteps(stepbase, 'steps_per_s.loaded');
      await stepbase.check(STEPS);
    } finally {
      await stepbase.stop();
    }
  }

  async #warmUp(stepbase: Stepbase, database: BenchDatabase): Promise<void> {
    const { sizes } = this.#options;
    await stepbase.many(TEN, sizes.warmUp, sizes.inFlight);
    await stepbase.check(STEPS);
    await this.#environment.quiesce(database);
  }

  async #manySteps(stepbase: Stepbase, name: string): Promise<void> {
    const { sizes } = this.#options;
    const ms = await stepbase.many(TEN, sizes.runs, sizes.inFlight);
    this.#note(name, perSecond(sizes.runs * STEPS, ms));
  }

  async #fanOut(stepbase: Stepbase): Promise<void> {
    const { sizes } = this.#options;
    const each: number[] = [];
    for (let run = 0; run < sizes.fanOuts; run += 1) {
      const { ms } = await stepbase.one(FAN);
      each.push(perSecond(sizes.branches + 2, ms));
    }
    await stepbase.check(sizes.branches + 2);
    this.#note('fanout_steps_per_s', median(each));
  }

  async #growth(stepbase: Stepbase): Promise<void> {
    const { sizes } = this.#options;
    const firsts: number[] = [];
    const lasts: number[] = [];
    for (let run = 0; run < sizes.longRuns; run += 1) {
      const { id } = await stepbase.one(LONG);
      const { first, last } = await stepbase.ends(id, sizes.longSteps, sizes.longEnds);
      firsts.push(first);
      lasts.push(last);
    }
    await stepbase.check(sizes.longSteps);
    this.#note('context_growth', median(lasts) / median(firsts));
  }

  async #dbos(database: BenchDatabase): Promise<void> {
    const { sizes } = this.#options;
    const { manyMs, each, callingMs } = await this.#contender<{
      manyMs: number;
      each: number[];
      callingMs: number;
    }>('dbos', database);
    this.#note('steps_per_s.dbos', perSecond(sizes.runs * STEPS, manyMs));
    this.#note('run_ms.dbos', median(each));
    this.#note('calling_steps_per_s.dbos', perSecond(sizes.callingRuns * STEPS, callingMs));
  }

  async #graphileWorker(database: BenchDatabase): Promise<void> {
    const { sizes } = this.#options;
    const { jobsMs } = await this.#contender<{ jobsMs: number }>('graphile-worker', database);
    this.#note('steps_per_s.graphile_worker', perSecond(sizes.jobs, jobsMs));
  }

  async #contender<T>(name: ContenderName, database: BenchDatabase): Promise<T> {
    const { sizes } = this.#options;
    const task = { ...sizes, url: database.url, steps: STEPS, callingUrl: this.#httpTarget.url };
    return await runContender<T>(name, task, this.#environment.dataDir);
  }

  async #idle(): Promise<void> {
    const { sizes } = this.#options;
    const database = await this.#stepbaseDatabase();
    await logStatements(database, true);
    const stepbase = await startStepbase(this.#environment, database);
    try {
      await this.#warmUp(stepbase, database);
      this.#note(
        'idle_statements_per_s',
        await countIdleStatements(this.#environment, sizes.idleSeconds),
      );
    } finally {
      await stepbase.stop();
      await logStatements(database, false);
    }
  }

  #note(name: string, value: number): void {
    const before = this.#measured.get(name) ?? [];
    this.#measured.set(name, [...before, value]);
    this.#options.say(`${name} ${shown(value)}`);
  }
}

function perSecond(count: number, ms: number): number {
  return (count * 1_000) / ms;
}
