// `npm run bench -- --only temporal`: the same workflows on the workers of Stepbase and in Temporal, in one run on one
// machine. Both engines keep the run in Stepbase: sessions of a member start it there and see its end there. What
// executes only for Temporal (its server, the bridge, the compiled worker) runs only while Temporal is measured.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { withClient } from '../stack/postgres/connection.ts';
import { installTemporalPackages, TEMPORAL } from '../temporal/packages.ts';
import {
  type BenchDatabase,
  type BenchEnvironment,
  createBenchEnvironment,
} from './environment.ts';
import { median, shown } from './figures.ts';
import { type HttpTarget, startHttpTarget } from './http-target.ts';
import { calling, linear, makeOwner, memberSession, publish } from './owner.ts';
import { machine } from './report.ts';
import { type Sizes, STEPS } from './sizes.ts';
import { type Stepbase, startStepbase } from './stepbase.ts';

const ENGINES = ['postgres', 'temporal'] as const;
type Engine = (typeof ENGINES)[number];

const KINDS = ['noop', 'http'] as const;
type Kind = (typeof KINDS)[number];
const TITLES = { noop: 'without side effects', http: 'with an HTTP call each' } as const;

export interface TemporalOptions {
  sizes: Sizes;
  rounds: number;
  say: (message: string) => void;
}

/** What temporal/bench.ts starts: a server, the bridge, and a compiled worker for each workflow. */
export interface TemporalTask {
  databaseUrl: string;
  app: string;
  workflows: readonly string[];
  logs: string;
}

export interface RunningTemporal {
  ready: Promise<void>;
  /** Also while it starts: ends what has started. */
  stop(): Promise<void>;
}

interface Line {
  work: string;
  postgres: string;
  temporal: string;
  'temporal / postgres': string;
}

export interface TemporalResult {
  machine: string;
  lines: Line[];
}

const nameOf = (kind: Kind, engine: Engine): string => `${kind}-on-${engine}`;

/** Resolves with the reason when no server of Temporal can run here. */
export async function measureTemporal(options: TemporalOptions): Promise<TemporalResult | string> {
  if (!installTemporalPackages()) return 'npm ci failed in temporal/; see above';
  const { missing } = await import('../../temporal/server/binary.ts');
  const reason = missing();
  if (reason !== undefined) return reason;
  const environment = await createBenchEnvironment();
  let bench: TemporalBench | undefined;
  // The processes would end with this one; the data and the compiled projects would stay.
  const abandon = () =>
    void Promise.allSettled([bench?.stop()])
      .then(() => environment.stop())
      .finally(() => process.exit(130));
  process.once('SIGINT', abandon).once('SIGTERM', abandon);
  try {
    const target = await startHttpTarget(environment.dataDir);
    try {
      bench = new TemporalBench(environment, target, options);
      return await bench.run();
    } finally {
      await target.stop();
    }
  } finally {
    process.off('SIGINT', abandon).off('SIGTERM', abandon);
    await environment.stop();
  }
}

class TemporalBench {
  readonly #environment: BenchEnvironment;
  readonly #target: HttpTarget;
  readonly #options: TemporalOptions;
  readonly #measured = new Map<string, number[]>();
  #temporal: RunningTemporal | undefined;

  constructor(environment: BenchEnvironment, target: HttpTarget, options: TemporalOptions) {
    this.#environment = environment;
    this.#target = target;
    this.#options = options;
  }

  async run(): Promise<TemporalResult> {
    const database = await this.#environment.migratedDatabase();
    await makeOwner(database);
    const member = await memberSession(database);
    for (const kind of KINDS) {
      for (const engine of ENGINES) {
        await publish(
          member,
          nameOf(kind, engine),
          kind === 'noop' ? linear(STEPS) : calling(STEPS, this.#target.url),
        );
      }
    }
    await member.end();
    await withClient(database.adminUrl, (client) =>
      client.query(
        "update stepbase.workflows set execution_engine = 'temporal' where kebab_name like '%-on-temporal'",
      ),
    );
    for (let round = 0; round < this.#options.rounds; round += 1) {
      const order = round % 2 === 0 ? ENGINES : ENGINES.toReversed();
      for (const engine of order) await this.#turn(engine, database);
    }
    return {
      machine: machine(await this.#environment.serverVersion()),
      lines: KINDS.flatMap((kind) => this.#linesOf(kind)),
    };
  }

  /** Ends what executes for Temporal. */
  async stop(): Promise<void> {
    await this.#temporal?.stop();
  }

  async #turn(engine: Engine, database: BenchDatabase): Promise<void> {
    if (engine === 'temporal') await this.#startTemporal(database);
    try {
      const stepbase = await startStepbase(this.#environment, database);
      try {
        for (const kind of KINDS) await this.#kind(kind, engine, stepbase);
        await checkRuns(database, stepbase.take());
      } finally {
        await stepbase.stop();
      }
    } finally {
      await this.stop();
    }
  }

  async #kind(kind: Kind, engine: Engine, stepbase: Stepbase): Promise<void> {
    const { sizes } = this.#options;
    const workflow = nameOf(kind, engine);
    await stepbase.many(workflow, sizes.warmUp, sizes.inFlight);
    await this.#environment.quiesce();
    const ms = await stepbase.many(workflow, sizes.callingRuns, sizes.inFlight);
    this.#note(`${workflow} steps/s`, (sizes.callingRuns * STEPS * 1_000) / ms);
    const each: number[] = [];
    for (let run = 0; run < sizes.loneRuns; run += 1) each.push((await stepbase.one(workflow)).ms);
    this.#note(`${workflow} ms`, median(each));
  }

  async #startTemporal(database: BenchDatabase): Promise<void> {
    // By its URL: the checks of the root do not know the packages of temporal/.
    const url = pathToFileURL(join(TEMPORAL, 'bench.ts')).href;
    const { startTemporal } = (await import(url)) as {
      startTemporal(task: TemporalTask): RunningTemporal;
    };
    this.#temporal = startTemporal({
      databaseUrl: database.url,
      app: 'speed',
      workflows: KINDS.map((kind) => nameOf(kind, 'temporal')),
      logs: join(this.#environment.dataDir, 'logs'),
    });
    await this.#temporal.ready;
  }

  #linesOf(kind: Kind): Line[] {
    const { sizes } = this.#options;
    const many = `${sizes.callingRuns} runs × ${STEPS} steps ${TITLES[kind]}, ${sizes.inFlight} concurrent: steps/s`;
    const one = `one run of ${STEPS} steps ${TITLES[kind]} after another: ms per run`;
    return [this.#line(many, kind, 'steps/s'), this.#line(one, kind, 'ms')];
  }

  #line(work: string, kind: Kind, unit: string): Line {
    const of = (engine: Engine) =>
      median(this.#measured.get(`${nameOf(kind, engine)} ${unit}`) ?? [Number.NaN]);
    const [postgres, temporal] = [of('postgres'), of('temporal')];
    return {
      work,
      postgres: shown(postgres),
      temporal: shown(temporal),
      'temporal / postgres': shown(temporal / postgres),
    };
  }

  #note(name: string, value: number): void {
    this.#measured.set(name, [...(this.#measured.get(name) ?? []), value]);
    this.#options.say(`${name} ${shown(value)}`);
  }
}

/** Throws unless all runs and their steps have completed. */
async function checkRuns(database: BenchDatabase, ids: readonly string[]): Promise<void> {
  const { rows } = await withClient(database.adminUrl, (client) =>
    client.query<{ runs: number; steps: number }>(
      `select
         (select count(*)::int from stepbase.runs where id = any($1) and status = 'completed') as runs,
         (select count(*)::int from stepbase.step_runs
          where run_id = any($1) and status = 'completed') as steps`,
      [ids],
    ),
  );
  const wanted = { runs: ids.length, steps: ids.length * STEPS };
  if (JSON.stringify(rows[0]) !== JSON.stringify(wanted)) {
    throw new Error(`completed ${JSON.stringify(rows[0])} instead of ${JSON.stringify(wanted)}`);
  }
}

export function temporalMarkdown({ machine: on, lines }: TemporalResult, rounds: number): string {
  return [
    `${rounds === 1 ? 'One round' : `Median of ${rounds} rounds`} on ${on}.`,
    '',
    '| work | PostgreSQL | Temporal | Temporal / PostgreSQL |',
    '|---|---:|---:|---:|',
    ...lines.map((line) => `| ${Object.values(line).join(' | ')} |`),
  ].join('\n');
}
