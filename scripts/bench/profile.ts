// The profile of a measurement: statements by total time (also those inside functions), wait events of the
// sessions, and the CPU time of each kind of process.

import { setTimeout as pause } from 'node:timers/promises';
import { withClient } from '../stack/postgres/connection.ts';
import { familyCpuMs, processCpuMs } from './cpu.ts';
import type { BenchDatabase, BenchEnvironment } from './environment.ts';
import type { Stepbase } from './stepbase.ts';

export const PROFILE_SETTINGS = [
  "shared_preload_libraries = 'pg_stat_statements'",
  'pg_stat_statements.track = all',
  'pg_stat_statements.track_planning = on',
];

export interface StatementTime {
  query: string;
  /** Sent by a client. Otherwise it ran inside a function, whose statement includes its time. */
  toplevel: boolean;
  calls: number;
  total_ms: number;
  plan_ms: number;
  rows: number;
  blocks: number;
  wal_bytes: number;
}

/** Wait events of active sessions, and the number of samples. */
export interface Waits {
  samples: number;
  /** By application and wait event; `CPU` without one. */
  found: Record<string, number>;
}

export interface Profile {
  steps: number;
  wall_ms: number;
  waits: Waits;
  statements: StatementTime[];
  /** CPU milliseconds of the worker, of all server processes, and of the bench with Realtime in it. */
  cpu_ms: { worker: number; postgres: number; bench: number } | undefined;
}

const TOP = 20;

/** Profiles from now until the returned function is called. */
export async function startProfile(
  environment: BenchEnvironment,
  database: BenchDatabase,
  stepbase: Stepbase,
): Promise<(steps: number) => Promise<Profile>> {
  await withClient(database.adminUrl, async (client) => {
    await client.query('create extension if not exists pg_stat_statements with schema extensions');
    await client.query('select extensions.pg_stat_statements_reset()');
  });
  const cpu = async () => ({
    worker: await processCpuMs(stepbase.workerPid()),
    postgres: await familyCpuMs(environment.postmaster),
    bench: (process.cpuUsage().user + process.cpuUsage().system) / 1_000,
  });
  const watcher = watchWaits(database);
  const before = await cpu();
  const begin = performance.now();
  return async (steps) => {
    const wall_ms = performance.now() - begin;
    const after = await cpu();
    const waits = await watcher.stop();
    const statements = await withClient(database.adminUrl, async (client) => {
      const { rows } = await client.query<StatementTime>(
        `select regexp_replace(s.query, '\\s+', ' ', 'g') as query, s.toplevel, s.calls::int,
           s.total_exec_time as total_ms, s.total_plan_time as plan_ms, s.rows::int,
           (s.shared_blks_hit + s.shared_blks_read)::int as blocks, s.wal_bytes::float8
         from extensions.pg_stat_statements s
         where s.dbid = (select d.oid from pg_database d where d.datname = current_database())
         order by s.total_exec_time desc limit ${TOP}`,
      );
      return rows;
    });
    return {
      steps,
      wall_ms,
      waits,
      statements,
      cpu_ms:
        before.worker === undefined || before.postgres === undefined
          ? undefined
          : {
              worker: (after.worker ?? Number.NaN) - before.worker,
              postgres: (after.postgres ?? Number.NaN) - before.postgres,
              bench: after.bench - before.bench,
            },
    };
  };
}

const SAMPLE_MS = 5;

function watchWaits(database: BenchDatabase): { stop(): Promise<Waits> } {
  const waits: Waits = { samples: 0, found: {} };
  let stopping = false;
  const watching = withClient(database.adminUrl, async (client) => {
    while (!stopping) {
      const { rows } = await client.query<{ what: string }>(
        `select coalesce(nullif(a.application_name, ''), a.backend_type) || ': '
           || coalesce(a.wait_event_type || ' ' || a.wait_event, 'CPU') as what
         from pg_stat_activity a
         where a.pid <> pg_backend_pid()
           and (a.state in ('active', 'idle in transaction')
             or (a.backend_type <> 'client backend' and a.wait_event_type is distinct from 'Activity'))`,
      );
      waits.samples += 1;
      for (const { what } of rows) waits.found[what] = (waits.found[what] ?? 0) + 1;
      await pause(SAMPLE_MS);
    }
  });
  return {
    async stop() {
      stopping = true;
      await watching;
      return waits;
    },
  };
}
