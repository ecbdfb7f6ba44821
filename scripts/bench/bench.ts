// The measurement: each round measures every contender once, in an order that rotates with the rounds; the other
// contenders are stopped meanwhile. The report has the median of the rounds.

import { withClient } from '../stack/postgres/connection.ts';
import {
  type ContenderName,
  type EngineResult,
  type EngineWork,
  installContenders,
  runContender,
} from './contenders.ts';
import { type Counted, count } from './costs.ts';
import { processCpuMs } from './cpu.ts';
import {
  type BenchDatabase,
  type BenchEnvironment,
  createBenchEnvironment,
} from './environment.ts';
import {
  type Contender,
  type Engine,
  type Figures,
  figuresOf,
  type Kind,
  median,
  shown,
} from './figures.ts';
import { measureHeld } from './held.ts';
import { fillHistory } from './history.ts';
import { type HttpTarget, startHttpTarget } from './http-target.ts';
import { countIdleStatements, LOG_LINE, logStatements } from './idle.ts';
import { measureLimit } from './limit.ts';
import { calling, fan, linear, makeOwner, memberSession, publish } from './owner.ts';
import { PROFILE_SETTINGS, type Profile, startProfile } from './profile.ts';
import { type Sizes, STEPS } from './sizes.ts';
import { type Stepbase, startStepbase } from './stepbase.ts';
import { written } from './wal.ts';

export const ROWS = [
  'steps',
  'run_ms',
  'calling',
  'lone',
  'messages',
  'costs',
  'fanout',
  'loaded',
  'growth',
  'held',
  'idle',
] as const;
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
  if ([...contenders].some((name) => name !== 'stepbase' && name !== 'limit')) {
    installContenders(say);
  }
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

  /** What a workflow engine measures for the rows. */
  #work(): EngineWork {
    const { rows } = this.#options;
    return {
      steps: rows.has('steps') || rows.has('costs'),
      one: rows.has('run_ms'),
      calling: rows.has('calling') || rows.has('costs'),
      lone: rows.has('lone'),
    };
  }

  /** The measurements of a round; prepares their databases. */
  async #turns(): Promise<(() => Promise<void>)[]> {
    const { contenders, rows, sizes, say } = this.#options;
    const turns: (() => Promise<void>)[] = [];
    const stepbase =
      contenders.has('stepbase') && [...rows].some((row) => row !== 'idle' && row !== 'held');
    if (stepbase) {
      const database = await this.#stepbaseDatabase();
      turns.push(() => this.#stepbase(database));
    }
    if (rows.has('loaded') && contenders.has('stepbase')) {
      const database = await this.#stepbaseDatabase();
      say(`filling ${sizes.history * STEPS} finished steps into a database`);
      await fillHistory(database, TEN, sizes.history);
      turns.push(() => this.#loaded(database));
    }
    if (rows.has('held') && contenders.has('stepbase')) {
      // A database of its own: what it leaves behind would slow the other rows down.
      const database = await this.#stepbaseDatabase();
      turns.push(() => this.#held(database));
    }
    for (const engine of ['dbos', 'openworkflow'] as const) {
      if (!contenders.has(engine) || !Object.values(this.#work()).includes(true)) continue;
      const database = await this.#environment.emptyDatabase(`bench_${engine}`);
      turns.push(() => this.#engine(engine, database));
    }
    for (const queue of ['graphile_worker', 'pg_boss'] as const) {
      if (!contenders.has(queue) || !rows.has('steps')) continue;
      const database = await this.#environment.emptyDatabase(`bench_${queue}`);
      turns.push(() => this.#queue(queue, database));
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
    await publish(member, CALLING, calling(STEPS, url));
    if (rows.has('fanout')) await publish(member, FAN, fan(sizes.branches));
    if (rows.has('growth')) await publish(member, LONG, calling(sizes.longSteps, url));
    await member.end();
    return database;
  }

  async #stepbase(database: BenchDatabase): Promise<void> {
    const { rows, sizes } = this.#options;
    const work = this.#work();
    const stepbase = await startStepbase(this.#environment, database);
    try {
      if (work.lone) {
        // Before any burst, which leaves traces for a while; the first runs warm up.
        await this.#lone(stepbase);
        await this.#environment.quiesce(database);
        this.#note('lone_run_ms.calm.stepbase', median(await this.#lone(stepbase)));
      }
      await this.#warmUp(stepbase, database, work.calling || work.lone);
      if (work.steps || rows.has('loaded')) {
        const counted = await this.#profiled(stepbase, database, () =>
          this.#many(stepbase, database, TEN, sizes.runs),
        );
        await stepbase.check(STEPS);
        this.#note('steps_per_s.stepbase', perSecond(sizes.runs * STEPS, counted.ms));
        if (rows.has('costs')) await this.#costs('noop', 'stepbase', counted);
      }
      if (work.one) {
        const each: number[] = [];
        for (let run = 0; run < sizes.oneByOne; run += 1) {
          each.push((await stepbase.one(TEN, 0)).ms);
        }
        await stepbase.check(STEPS);
        this.#note('run_ms.stepbase', median(each));
      }
      if (work.calling || work.lone) {
        const counted = await this.#many(stepbase, database, CALLING, sizes.callingRuns);
        const afterBurst = work.lone ? await this.#lone(stepbase) : [];
        await stepbase.check(STEPS);
        this.#note(
          'calling_steps_per_s.stepbase',
          perSecond(sizes.callingRuns * STEPS, counted.ms),
        );
        if (work.lone) this.#note('lone_run_ms.after_burst.stepbase', median(afterBurst));
        if (rows.has('costs')) await this.#costs('http', 'stepbase', counted);
      }
      if (rows.has('messages')) await this.#messages(stepbase);
      if (rows.has('fanout')) await this.#fanOut(stepbase);
      if (rows.has('growth')) await this.#growth(stepbase);
      const memory = await stepbase.workerMemory();
      if (memory !== undefined) this.#note('worker_rss_mb', memory);
    } finally {
      await stepbase.stop();
    }
  }

  async #loaded(database: BenchDatabase): Promise<void> {
    const { sizes } = this.#options;
    const stepbase = await startStepbase(this.#environment, database);
    try {
      await this.#warmUp(stepbase, database, false);
      const ms = await stepbase.many(TEN, sizes.runs, sizes.inFlight);
      this.#note('steps_per_s.loaded', perSecond(sizes.runs * STEPS, ms));
      await stepbase.check(STEPS);
    } finally {
      await stepbase.stop();
    }
  }

  async #held(database: BenchDatabase): Promise<void> {
    const { sizes } = this.#options;
    const { inFlight, heldRuns: runs, heldPart: part, heldOneByOne: oneByOne } = sizes;
    const stepbase = await startStepbase(this.#environment, database);
    try {
      await this.#warmUp(stepbase, database, true);
      const options = { workflow: CALLING, inFlight, runs, part, oneByOne };
      const ratios = await measureHeld(stepbase, database, options);
      await stepbase.check(STEPS);
      this.#note('held_steps_ratio', ratios.steps);
      this.#note('held_run_ratio', ratios.run);
    } finally {
      await stepbase.stop();
    }
  }

  async #warmUp(stepbase: Stepbase, database: BenchDatabase, http: boolean): Promise<void> {
    const { sizes } = this.#options;
    await stepbase.many(TEN, sizes.warmUp, sizes.inFlight);
    if (http) await stepbase.many(CALLING, sizes.warmUp, sizes.inFlight);
    await stepbase.check(STEPS);
    await this.#environment.quiesce(database);
  }

  async #profiled<T>(
    stepbase: Stepbase,
    database: BenchDatabase,
    work: () => Promise<T>,
  ): Promise<T> {
    const { sizes, profile } = this.#options;
    const finish = profile ? await startProfile(this.#environment, database, stepbase) : undefined;
    const result = await work();
    this.#profile = await finish?.(sizes.runs * STEPS);
    return result;
  }

  /** Many runs, with the counters of Stepbase around them. */
  async #many(
    stepbase: Stepbase,
    database: BenchDatabase,
    workflow: string,
    runs: number,
  ): Promise<Counted> {
    return await withClient(database.adminUrl, (client) =>
      count(
        {
          client,
          // Events are in partitions, which belong to the engine.
          schemas: ['stepbase', 'stepbase_engine'],
          postmaster: this.#environment.postmaster,
          workerCpuMs: () => processCpuMs(stepbase.workerPid()),
        },
        () => stepbase.many(workflow, runs, this.#options.sizes.inFlight),
      ),
    );
  }

  /** Milliseconds of each of several runs with HTTP steps, one after another. */
  async #lone(stepbase: Stepbase): Promise<number[]> {
    const each: number[] = [];
    for (let run = 0; run < this.#options.sizes.loneRuns; run += 1) {
      each.push((await stepbase.one(CALLING)).ms);
    }
    return each;
  }

  async #costs(kind: Kind, engine: Engine, counted: Counted): Promise<void> {
    const { sizes } = this.#options;
    const steps = (kind === 'noop' ? sizes.runs : sizes.callingRuns) * STEPS;
    const { adminUrl } = this.#environment;
    const wal = await written(adminUrl, counted.wal_from, counted.wal_to);
    const perStep = {
      wal_bytes: wal.wal_bytes,
      wal_image_bytes: wal.wal_image_bytes,
      rows: wal.rows,
      index_entries: wal.index_entries,
      disk_bytes: counted.disk_bytes,
      server_cpu_us: counted.server_cpu_ms && counted.server_cpu_ms * 1_000,
      worker_cpu_us: counted.worker_cpu_ms && counted.worker_cpu_ms * 1_000,
    };
    for (const [name, value] of Object.entries(perStep)) {
      if (value !== undefined) this.#note(`${name}_per_step.${kind}.${engine}`, value / steps);
    }
  }

  /** The broadcasts of a single run, to all topics. */
  async #messages(stepbase: Stepbase): Promise<void> {
    const { sizes } = this.#options;
    for (const [kind, workflow] of [
      ['noop', TEN],
      ['http', CALLING],
    ] as const) {
      const before = await stepbase.messages();
      for (let run = 0; run < sizes.messageRuns; run += 1) await stepbase.one(workflow);
      const sent = (await stepbase.messages()) - before;
      await stepbase.check(STEPS);
      this.#note(`messages_per_run.${kind}`, sent / sizes.messageRuns);
    }
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

  async #engine(engine: 'dbos' | 'openworkflow', database: BenchDatabase): Promise<void> {
    const { rows, sizes } = this.#options;
    const result = await this.#contender<EngineResult>(engine, database);
    const { steps, calling, each, calm, after_burst } = result;
    if (steps) this.#note(`steps_per_s.${engine}`, perSecond(sizes.runs * STEPS, steps.ms));
    if (each) this.#note(`run_ms.${engine}`, median(each));
    if (calling) {
      const speed = perSecond(sizes.callingRuns * STEPS, calling.ms);
      this.#note(`calling_steps_per_s.${engine}`, speed);
    }
    if (calm) this.#note(`lone_run_ms.calm.${engine}`, median(calm));
    if (after_burst) this.#note(`lone_run_ms.after_burst.${engine}`, median(after_burst));
    if (!rows.has('costs')) return;
    if (steps) await this.#costs('noop', engine, steps);
    if (calling) await this.#costs('http', engine, calling);
  }

  async #queue(queue: 'graphile_worker' | 'pg_boss', database: BenchDatabase): Promise<void> {
    const { sizes } = this.#options;
    const name = queue === 'pg_boss' ? 'pg-boss' : 'graphile-worker';
    const { jobsMs } = await this.#contender<{ jobsMs: number }>(name, database);
    this.#note(`steps_per_s.${queue}`, perSecond(sizes.jobs, jobsMs));
  }

  async #contender<T>(name: ContenderName, database: BenchDatabase): Promise<T> {
    const task = {
      ...this.#options.sizes,
      url: database.url,
      steps: STEPS,
      callingUrl: this.#httpTarget.url,
      postmaster: this.#environment.postmaster,
      work: this.#work(),
    };
    return await runContender<T>(name, task, this.#environment.dataDir);
  }

  async #idle(): Promise<void> {
    const { sizes } = this.#options;
    const database = await this.#stepbaseDatabase();
    await logStatements(database, true);
    const stepbase = await startStepbase(this.#environment, database);
    try {
      await this.#warmUp(stepbase, database, false);
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
