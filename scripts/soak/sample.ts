// One sample of a soak: the size of each table with its partitions, and what has been used up to now.

import type pg from 'pg';
import { familyCpuMs, processCpuMs, residentMb } from '../bench/cpu.ts';
import type { Stepbase } from '../bench/stepbase.ts';

export interface TableSize {
  /** With its schema; the partitions of a table count as one. */
  name: string;
  heap: number;
  indexes: number;
  toast: number;
  dead: number;
}

export interface Sample {
  /** Steps completed, and milliseconds of work, since the begin. */
  steps: number;
  ms: number;
  tables: TableSize[];
  /** Runs that retention has deleted. */
  deletedRuns: number;
  walBytes: number;
  /** CPU milliseconds since their start; NaN where the kernel does not count them. */
  serverCpuMs: number;
  workerCpuMs: number;
  workerMb: number;
}

/** Deleted by the partition of the day, not by the retention of an application. */
export const MESSAGES = 'realtime.messages';

const TABLES = `
  with recursive root as (
    select c.oid as member, c.oid as root
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('stepbase', 'stepbase_engine', 'stepbase_queue', 'realtime')
      and c.relkind in ('r', 'p') and not c.relispartition
    union all
    select i.inhrelid, r.root from pg_inherits i join root r on i.inhparent = r.member
  )
  select
    n.nspname || '.' || c.relname as name,
    sum(pg_relation_size(r.member))::float8 as heap,
    sum(pg_indexes_size(r.member))::float8 as indexes,
    sum(pg_table_size(r.member) - pg_relation_size(r.member))::float8 as toast,
    coalesce(sum(s.n_dead_tup), 0)::float8 as dead
  from root r
  join pg_class c on c.oid = r.root
  join pg_namespace n on n.oid = c.relnamespace
  left join pg_stat_all_tables s on s.relid = r.member
  group by 1
  having sum(pg_total_relation_size(r.member)) > 0
  order by 1`;

export async function takeSample(
  db: pg.Pool,
  stepbase: Stepbase,
  postmaster: number,
  done: Pick<Sample, 'steps' | 'ms'>,
): Promise<Sample> {
  const tables = await db.query<TableSize>(TABLES);
  const { rows } = await db.query<{ deleted: number; wal: number }>(
    `select s.n_tup_del::float8 as deleted, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as wal
     from pg_stat_all_tables s where s.relid = 'stepbase.runs'::regclass`,
  );
  const worker = stepbase.workerPid();
  const missing = Number.NaN;
  return {
    ...done,
    tables: tables.rows,
    deletedRuns: rows[0]?.deleted ?? missing,
    walBytes: rows[0]?.wal ?? missing,
    serverCpuMs: (await familyCpuMs(postmaster)) ?? missing,
    workerCpuMs: (await processCpuMs(worker)) ?? missing,
    workerMb: (await residentMb(worker)) ?? missing,
  };
}

export function bytesOf({ heap, indexes, toast }: TableSize): number {
  return heap + indexes + toast;
}

/** Bytes of all tables that retention keeps small. */
export function keptBytes(sample: Sample): number {
  return sample.tables
    .filter(({ name }) => name !== MESSAGES)
    .reduce((total, table) => total + bytesOf(table), 0);
}
