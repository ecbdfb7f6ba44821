// Chaos: many mixed runs while workers are killed, the database crashes and Redis is down. Afterwards every
// run must have ended with its expected result, without a repetition, a wrong order, or a leftover row.

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { type Shop, startShop } from '../fakes/shop.ts';
import { tolerateDriverFaults } from '../stack/driver-faults.ts';
import { auditRuns } from './audit.ts';
import { signIn } from './client.ts';
import { type ChaosEnvironment, createChaosEnvironment } from './environment.ts';
import type { Kind, Site } from './kind.ts';
import { auditQuiet } from './leftovers.ts';
import { mixOf } from './mix.ts';
import type { Problem } from './problem.ts';
import { runsOf, wrongResults } from './results.ts';

export interface ChaosOptions {
  runs: number;
  workers: number;
  kills: number;
  killEveryMs: number;
  leaseSeconds: number;
  /** How long the runs may take to end after the last fault. */
  drainMs: number;
  say?: (message: string) => void;
}

export interface ChaosReport {
  runs: number;
  kills: number;
  lost: number;
  completed_twice: number;
  illegal_sequences: number;
  orphan_jobs: number;
  seconds: number;
}

export const LONG: ChaosOptions = {
  runs: 600,
  workers: 3,
  kills: 60,
  killEveryMs: 1_000,
  leaseSeconds: 2,
  drainMs: 120_000,
};

export const SHORT: ChaosOptions = {
  runs: 100,
  workers: 3,
  kills: 4,
  killEveryMs: 700,
  leaseSeconds: 1,
  drainMs: 40_000,
};

/** After so long, and then again and again, the clients that have not done their calls are named. */
const LATE_MS = 15_000;

interface Made {
  site: Site;
  kind: Kind;
  n: number;
}

export async function chaos(
  options: ChaosOptions,
): Promise<{ report: ChaosReport; problems: Problem[] }> {
  const say = options.say ?? (() => undefined);
  let shop: Shop | undefined;
  let environment: ChaosEnvironment | undefined;
  let db: pg.Pool | undefined;
  const stopTolerating = tolerateDriverFaults();
  try {
    shop = await startShop();
    environment = await createChaosEnvironment(options);
    db = new pg.Pool({ connectionString: environment.info.db_url, max: 3 });
    db.on('error', () => undefined);
    const suffix = randomUUID().slice(0, 8);
    const kinds = mixOf({ shop: shop.url, suffix });
    const sites = await prepare(environment, db, kinds, suffix);
    say(`${options.workers} workers are up, ${kinds.length} workflows are published`);

    const begun = performance.now();
    const [made, kills] = await Promise.all([
      makeRuns(kinds, sites, options, say),
      injectFaults(environment, options, say),
    ]);
    say(`${made.length} runs were started, ${kills} workers were killed`);
    await drain(db, made, options.drainMs, say);
    const seconds = Math.round((performance.now() - begun) / 100) / 10;

    const runs = await runsOf(db, sites);
    const problems = [
      ...(await auditRuns(
        db,
        runs.map(({ id }) => id),
      )),
      ...(await auditQuiet(db)),
      ...(await wrongResults(db, made, runs, sites)),
    ];
    const count = (kind: Problem['kind']) => problems.filter((p) => p.kind === kind).length;
    return {
      report: {
        runs: made.length,
        kills,
        lost: count('lost') + options.runs - made.length,
        completed_twice: count('completed_twice'),
        illegal_sequences: count('illegal_sequence'),
        orphan_jobs: count('orphan_job'),
        seconds,
      },
      problems,
    };
  } finally {
    await db?.end();
    await environment?.stop();
    await shop?.stop();
    stopTolerating();
  }
}

export function isSound(report: ChaosReport): boolean {
  const { lost, completed_twice, illegal_sequences, orphan_jobs } = report;
  return lost + completed_twice + illegal_sequences + orphan_jobs === 0;
}

async function prepare(
  environment: ChaosEnvironment,
  db: pg.Pool,
  kinds: readonly Kind[],
  suffix: string,
): Promise<Map<Kind, Site>> {
  const clients = {
    acme: await signIn(environment.info, 'developer@acme.example'),
    globex: await signIn(environment.info, 'developer@globex.example'),
  };
  const sites = new Map<Kind, Site>();
  for (const kind of kinds) {
    const client = clients[kind.app ?? 'acme'];
    const workflow = `${kind.name}-${suffix}`;
    if (kind.setUp) await db.query(kind.setUp);
    const draft = await client.call((supabase) =>
      supabase
        .rpc('save_workflow', { kebab_name: workflow, definition: kind.definition })
        .single<{ id: string; workflow_id: string }>(),
    );
    if (!draft) throw new Error(`${workflow} was not saved`);
    const { id: workflow_version_id, workflow_id: workflowId } = draft;
    await client.call((supabase) => supabase.rpc('publish_workflow', { workflow_version_id }));
    const { settings } = kind;
    if (settings) {
      await client.call((supabase) =>
        supabase.from('workflows').update(settings).eq('id', workflowId),
      );
    }
    const site = { client, suffix, workflow, workflowId };
    await kind.prepare?.(site);
    sites.set(kind, site);
  }
  return sites;
}

/** Spreads the starts over the time of the kills, so that some runs are always in flight. */
async function makeRuns(
  kinds: readonly Kind[],
  sites: ReadonlyMap<Kind, Site>,
  options: ChaosOptions,
  say: (message: string) => void,
): Promise<Made[]> {
  const everyMs = (options.kills * options.killEveryMs) / options.runs;
  // Odd, so that each kind gets even and odd numbers.
  const stride = kinds.length | 1;
  const making: Promise<Made | undefined>[] = [];
  const open = new Set<string>();
  const begun = performance.now();
  for (let i = 0; i < options.runs; i += 1) {
    const kind = kinds[i % kinds.length];
    const site = kind && sites.get(kind);
    if (!kind || !site) continue;
    const made = { site, kind, n: Math.floor(i / kinds.length) * stride + (i % kinds.length) };
    const name = `${kind.name} ${made.n}`;
    open.add(name);
    making.push(
      make(made)
        .then(
          () => made,
          (error) => void say(`${name}: ${error}`),
        )
        .finally(() => open.delete(name)),
    );
    await pause(Math.max(0, begun + (i + 1) * everyMs - performance.now()));
  }
  const late = setInterval(() => say(`clients still work: ${[...open].join(', ')}`), LATE_MS);
  try {
    return (await Promise.all(making)).filter((made) => made !== undefined);
  } finally {
    clearInterval(late);
  }
}

async function make({ site, kind, n }: Made): Promise<void> {
  if (kind.start) return void (await kind.start(site, n));
  const run = await site.client.call((supabase) =>
    supabase
      .rpc('start_run', {
        workflow: site.workflow,
        input: { n, ...kind.input?.(n) },
        idempotency_key: `${site.suffix}-${n}`,
        priority: kind.priority?.(n) ?? 0,
      })
      .single<{ id: string }>(),
  );
  if (!run) throw new Error('start_run returned no run');
  await kind.act?.(site, run.id, n);
}

async function injectFaults(
  environment: ChaosEnvironment,
  options: ChaosOptions,
  say: (message: string) => void,
): Promise<number> {
  let kills = 0;
  const others: Promise<void>[] = [];
  for (let i = 0; i < options.kills; i += 1) {
    await pause(options.killEveryMs);
    if (environment.fleet.killOne()) kills += 1;
    if (i === Math.floor(options.kills / 4)) {
      say('Redis is down');
      others.push(environment.withoutRedis(2 * options.killEveryMs));
    }
    if (i === Math.floor(options.kills / 2)) {
      say('PostgreSQL crashes and restarts');
      others.push(environment.restartDatabase());
    }
  }
  await Promise.all(others);
  return kills;
}

/** Waits until every run exists and has ended and the queue and the outbox are empty, or the time is over. */
async function drain(
  db: pg.Pool,
  made: readonly Made[],
  ms: number,
  say: (message: string) => void,
): Promise<void> {
  const workflows = made.map(({ site }) => site.workflowId);
  const numbers = made.map(({ n }) => n);
  const end = performance.now() + ms;
  let said = performance.now();
  while (performance.now() < end) {
    const { rows } = await db
      .query<{ open: number }>(
        `select (
           (select count(*) from stepbase.runs where completed_at is null and workflow_id = any($1))
           + (select count(*) from stepbase_queue.job where name = 'steps')
           + (select count(*) from stepbase.outbox where published_at is null)
           + (
             select count(*) from unnest($1::uuid[], $2::int[]) m (workflow_id, n)
             where not exists (
               select from stepbase.runs r where r.workflow_id = m.workflow_id
                 and coalesce(r.input -> 'n', r.input -> 'event' -> 'payload' -> 'n') = to_jsonb(m.n)
             )
           )
         )::int as open`,
        [workflows, numbers],
      )
      .catch(() => ({ rows: [{ open: -1 }] }));
    const open = rows[0]?.open ?? -1;
    if (open === 0) return;
    if (performance.now() - said > 5_000) {
      said = performance.now();
      say(`${open} runs, jobs and messages are open`);
    }
    await pause(100);
  }
}
