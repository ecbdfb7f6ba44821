// What a piece of work wrote, read from the WAL: exact at every moment, unlike the statistics of tables, which sessions
// report later.

import { withClient } from '../stack/postgres/connection.ts';

/** Of all databases of the server; meanwhile only the measured system works. */
export interface Written {
  /** Without the images of pages. */
  wal_bytes: number;
  /** A page is logged whole when it changes for the first time after a checkpoint: this depends on its time. */
  wal_image_bytes: number;
  /** Rows inserted, updated or deleted. */
  rows: number;
  /** Entries added to B-tree indexes. */
  index_entries: number;
}

/** Reads the WAL between two positions. */
export async function written(adminUrl: string, from: string, to: string): Promise<Written> {
  return await withClient(adminUrl, async (client) => {
    await client.query('create extension if not exists pg_walinspect');
    // Waits until the last records are on disk, where they are read.
    await client.query('select pg_logical_emit_message(true, $1, $2)', ['bench', 'end']);
    const { rows } = await client.query<Written>(
      `select
         pg_wal_lsn_diff($2, $1)::float8 - coalesce(sum(w.fpi_size), 0)::float8 as wal_bytes,
         coalesce(sum(w.fpi_size), 0)::float8 as wal_image_bytes,
         coalesce(sum(w.count) filter (
           where w."resource_manager/record_type" ~ '^Heap/(INSERT|UPDATE|HOT_UPDATE|DELETE)'
         ), 0)::float8 as rows,
         coalesce(sum(w.count) filter (
           where w."resource_manager/record_type" ~ '^Btree/(INSERT_LEAF|INSERT_POST|SPLIT)'
         ), 0)::float8 as index_entries
       from pg_get_wal_stats($1, $2, per_record => true) w`,
      [from, to],
    );
    const [row] = rows;
    if (!row) throw new Error('the WAL could not be read');
    return row;
  });
}
