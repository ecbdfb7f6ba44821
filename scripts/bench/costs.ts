// What a step costs apart from time: processor time, bytes of WAL, rows and index entries, bytes on disk. Counters are
// read before and after the measured work. The programs of the contenders import this file too.

import type pg from 'pg';
import { familyCpuMs } from './cpu.ts';

/** The counters of a piece of work. */
export interface Counted {
  ms: number;
  /** The positions in the WAL before and after the work. */
  wal_from: string;
  wal_to: string;
  /** Growth of the tables with their indexes and TOAST tables. */
  disk_bytes: number;
  /** Undefined if the system does not report them. */
  server_cpu_ms?: number | undefined;
  worker_cpu_ms?: number | undefined;
}

export interface Counters {
  client: Pick<pg.Client, 'query'>;
  /** The schemas of the tables that keep runs and their history. */
  schemas: string[];
  /** The process id of the server. */
  postmaster: number;
  workerCpuMs: () => Promise<number | undefined>;
}

/** Does the work, which resolves with its milliseconds, and reads the counters around it. */
export async function count(counters: Counters, work: () => Promise<number>): Promise<Counted> {
  const before = await read(counters);
  const ms = await work();
  const after = await read(counters);
  return {
    ms,
    wal_from: before.wal,
    wal_to: after.wal,
    disk_bytes: after.disk - before.disk,
    server_cpu_ms: difference(before.server, after.server),
    worker_cpu_ms: difference(before.worker, after.worker),
  };
}

function difference(before: number | undefined, after: number | undefined): number | undefined {
  return before === undefined || after === undefined ? undefined : after - before;
}

async function read({ client, schemas, postmaster, workerCpuMs }: Counters) {
  const { rows } = await client.query<{ wal: string; disk: number }>(
    `select pg_current_wal_insert_lsn()::text as wal,
       (select coalesce(sum(pg_total_relation_size(c.oid)), 0)::float8
        from pg_class c
        where c.relnamespace::regnamespace::text = any($1) and c.relkind in ('r', 'm')) as disk`,
    [schemas],
  );
  const [row] = rows;
  if (!row) throw new Error('the server did not report its counters');
  return { ...row, server: await familyCpuMs(postmaster), worker: await workerCpuMs() };
}
