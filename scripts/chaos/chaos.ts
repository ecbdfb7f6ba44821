// Chaos: many mixed runs while workers are killed, the database restarts and Redis goes away. Afterwards
// every run must have ended as it should, and nothing may have happened twice, out of order, or be left.

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import pg from 'pg';
import { DEMO_PASSWORD } from '../stack/seed-users.ts';
import { type Shop, startShop } from '../world/shop.ts';
import { auditRuns, type Problem } from './audit.ts';
import { createGate, type Gate } from './gate.ts';
import { type Ground, layGround } from './ground.ts';
import { type Kind, mixOf } from './mix.ts';

export interface ChaosOptions {
  runs: number;
  workers: number;
  kills: number;
  killEveryMs: number;
  leaseSeconds: number;
  /** How long the runs may take to end once nothing is shaken any more. */
  settleMs: number;
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
  settleMs: 120_000,
};

export const SHORT: ChaosOptions = {
  runs: 60,
  workers: 3,
  kills: 4,
  killEveryMs: 700,
  leaseSeconds: 1,
  settleMs: 40_000,
};

const CALL_ATTEMPTS = 40;
const CALL_PAUSE_MS = 250;

interface Started {
  id: string;
  kind: Kind;
  n: number;
}

export async function chaos(
  options: ChaosOptions,
): Promise<{ report: ChaosReport; problems: Problem[] }> {
  const say = options.say ?? (() => undefined);
  let shop: Shop | undefined;
  let ground: Ground | undefined;
  let db: pg.Pool | undefined;
  try {
    shop = await startShop();
    ground = await layGround(options);
    db = new pg.Pool({ connectionString: ground.info.db_url, max: 3 });
    db.on('error', () => undefined);
    const client = await signIn(ground);
    const suffix = randomUUID().slice(0, 8);
    const kinds = mixOf(shop.url, suffix);
    for (const kind of kinds) await publish(client, kind, suffix);
    say(`${options.workers} workers are up, ${kinds.length} workflows are published`);

    const begun = performance.now();
    const gate = createGate();
    const [started, kills] = await Promise.all([
      startRuns(client, gate, kinds, suffix, options),
      shake(ground, gate, options, say),
    ]);
    say(`${started.length} runs were started, ${kills} workers were killed`);
    await settle(db, options.settleMs, say);
    const seconds = Math.round((performance.now() - begun) / 100) / 10;

    const problems = [
      ...(await auditRuns(db, await allRuns(db))),
      ...(await wrongResults(db, started)),
    ];
    const count = (kind: Problem['kind']) => problems.filter((p) => p.kind === kind).length;
    return {
      report: {
        runs: started.length,
        kills,
        lost: count('lost') + options.runs - started.length,
        completed_twice: count('completed_twice'),
        illegal_sequences: count('illegal_sequence'),
        orphan_jobs: count('orphan_job'),
        seconds,
      },
      problems,
    };
  } finally {
    await db?.end();
    await ground?.stop();
    await shop?.stop();
  }
}

export function isSound(report: ChaosReport): boolean {
  const { lost, completed_twice, illegal_sequences, orphan_jobs } = report;
  return lost + completed_twice + illegal_sequences + orphan_jobs === 0;
}

async function signIn(ground: Ground): Promise<SupabaseClient> {
  const client = createClient(ground.info.api_url, ground.info.publishable_key, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
  const { error } = await client.auth.signInWithPassword({
    email: 'developer@acme.example',
    password: DEMO_PASSWORD,
  });
  if (error) throw error;
  return client;
}

async function publish(client: SupabaseClient, kind: Kind, suffix: string): Promise<void> {
  const saved = await client
    .rpc('save_workflow', { kebab_name: `${kind.name}-${suffix}`, definition: kind.definition })
    .single<{ id: string; workflow_id: string }>();
  if (saved.error) throw new Error(`${kind.name}: ${saved.error.message}`);
  const published = await client.rpc('publish_workflow', { workflow_version_id: saved.data.id });
  if (published.error) throw new Error(`${kind.name}: ${published.error.message}`);
  if (kind.queue !== undefined) {
    const made = await client
      .from('work_queues')
      .insert({ workflow_id: saved.data.workflow_id, queue_name: kind.queue });
    if (made.error) throw new Error(`${kind.name}: ${made.error.message}`);
  }
}

/** A call may find the database on its way back: it is repeated until it is answered. */
async function persistently<T>(
  gate: Gate,
  call: () => PromiseLike<{ data: T | null; error: { message: string } | null }>,
): Promise<T | null> {
  for (let attempt = 1; ; attempt += 1) {
    const { data, error } = await gate.through(call);
    if (!error) return data;
    if (attempt === CALL_ATTEMPTS) throw new Error(error.message);
    await pause(CALL_PAUSE_MS);
  }
}

/** Spread over the time of the kills, so that some runs are always under way. */
async function startRuns(
  client: SupabaseClient,
  gate: Gate,
  kinds: readonly Kind[],
  suffix: string,
  options: ChaosOptions,
): Promise<Started[]> {
  const everyMs = (options.kills * options.killEveryMs) / options.runs;
  const starts: Promise<Started>[] = [];
  const begun = performance.now();
  for (let n = 0; n < options.runs; n += 1) {
    starts.push(startRun(client, gate, kinds[n % kinds.length] as Kind, suffix, n));
    await pause(Math.max(0, begun + (n + 1) * everyMs - performance.now()));
  }
  return await Promise.all(starts);
}

async function startRun(
  client: SupabaseClient,
  gate: Gate,
  kind: Kind,
  suffix: string,
  n: number,
): Promise<Started> {
  const run = await persistently(gate, () =>
    client
      .rpc('start_run', {
        workflow: `${kind.name}-${suffix}`,
        input: kind.input(n),
        idempotency_key: `${suffix}-${n}`,
      })
      .single<{ id: string }>(),
  );
  if (!run) throw new Error(`${kind.name}: no run came back`);
  const { signal } = kind;
  if (signal !== undefined) {
    // A repeated call may find that its first try ended the run: that is as good as an answer.
    await persistently(gate, async () => {
      const sent = await client.rpc('send_signal', { run_id: run.id, signal_name: signal });
      return sent.error?.code === 'SB409' ? { data: null, error: null } : sent;
    });
  }
  return { id: run.id, kind, n };
}

async function shake(
  ground: Ground,
  gate: Gate,
  options: ChaosOptions,
  say: (message: string) => void,
): Promise<number> {
  let kills = 0;
  const others: Promise<void>[] = [];
  for (let i = 0; i < options.kills; i += 1) {
    await pause(options.killEveryMs);
    if (ground.fleet.killOne()) kills += 1;
    if (i === Math.floor(options.kills / 4)) {
      say('Redis is away');
      others.push(ground.withoutRedis(2 * options.killEveryMs));
    }
    if (i === Math.floor(options.kills / 2)) {
      say('PostgreSQL restarts');
      others.push(gate.shutWhile(() => ground.restartDatabase()));
    }
  }
  await Promise.all(others);
  return kills;
}

/** Waits until every run has ended and the queue is empty, or the time is up. */
async function settle(db: pg.Pool, ms: number, say: (message: string) => void): Promise<void> {
  const end = performance.now() + ms;
  let said = 0;
  while (performance.now() < end) {
    const { rows } = await db
      .query<{ open: number }>(
        `select (
             select count(*) from public.runs
             where completed_at is null and idempotency_key is not null
           )::int
           + (select count(*) from pgboss.job where name = 'steps')::int as open`,
      )
      .catch(() => ({ rows: [{ open: -1 }] }));
    const open = rows[0]?.open ?? -1;
    if (open === 0) return;
    if (performance.now() - said > 5_000) {
      said = performance.now();
      say(`${open} runs and jobs are open`);
    }
    await pause(100);
  }
}

/** The runs of the harness and their children; the seed's sample runs have no keys. */
async function allRuns(db: pg.Pool): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    'select id from public.runs where idempotency_key is not null order by id',
  );
  return rows.map(({ id }) => id);
}

async function wrongResults(db: pg.Pool, started: readonly Started[]): Promise<Problem[]> {
  const { rows } = await db.query<{ id: string; status: string; output: unknown; error: unknown }>(
    'select id, status, output, error from public.runs where id = any($1::uuid[])',
    [started.map(({ id }) => id)],
  );
  const runs = new Map(rows.map((run) => [run.id, run]));
  return started.flatMap(({ id, kind, n }): Problem[] => {
    const run = runs.get(id);
    const right =
      run?.status === kind.status &&
      (kind.output === undefined || isDeepStrictEqual(run.output, kind.output(n)));
    if (right) return [];
    const text = `${kind.name} ${n} ended as ${JSON.stringify(run)}`;
    return [{ kind: 'lost', runId: id, text }];
  });
}
