// A position in the write-ahead log (LSN): what was committed at a position is visible on each server that has replayed
// up to it.
import type { Query } from './pool.ts';

export type Lsn = bigint;

const FORM = /^([0-9a-f]{1,8})\/([0-9a-f]{1,8})$/i;

/** Undefined for a text that is not a position: two hexadecimal numbers, `16/B374D848`. */
export function parseLsn(text: string): Lsn | undefined {
  const [, high, low] = FORM.exec(text) ?? [];
  if (high === undefined || low === undefined) return undefined;
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

/** A position that PostgreSQL returned. */
export function lsnOf(text: string): Lsn {
  const lsn = parseLsn(text);
  if (lsn === undefined) throw new Error(`${text} is not a position of the WAL`);
  return lsn;
}

export const lsnText = (lsn: Lsn): string =>
  `${(lsn >> 32n).toString(16)}/${(lsn & 0xffff_ffffn).toString(16)}`.toUpperCase();

/**
 * The position of the server that answers, as an expression. On a primary it is the flushed one: a commit waits for it,
 * and it is the end of a record, which a replica can reach.
 */
export const POSITION = `(case
  when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn()
  else pg_catalog.pg_current_wal_flush_lsn()
end)::text`;

/** The position of the primary: a replica that has replayed it shows everything that was committed before this call. */
export async function primaryPosition(query: Query): Promise<Lsn> {
  const [row] = await query<{ position: string }>(
    'select pg_catalog.pg_current_wal_flush_lsn()::text as position',
  );
  if (row === undefined) throw new Error('the primary returned no position');
  return lsnOf(row.position);
}
