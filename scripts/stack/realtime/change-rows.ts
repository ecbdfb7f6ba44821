// Reads the facts about a changed row from the database: its values as JSON, the filters that it passes, and whether
// a caller may select it.

import type { Pool, PoolClient } from 'pg';
import { becomeCaller } from './authorize.ts';
import { type Filter, filterSql } from './change-filters.ts';
import type { Identity } from './identity.ts';

export interface Column {
  name: string;
  /** The type name for a cast. */
  type: string;
  /** The type name for clients. */
  typeName: string;
  isKey: boolean;
}

export interface Relation {
  schema: string;
  table: string;
  hasRls: boolean;
  columns: Column[];
  readAt: number;
}

/** A row of the stream: text by column; undefined for a column that was not sent. */
export type TextRow = Record<string, string | null | undefined>;

export interface Described {
  record: Record<string, unknown>;
  /** In the order of the given filters. */
  passes: boolean[];
}

export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export async function readRelation(pool: Pool, schema: string, table: string): Promise<Relation> {
  const found = await pool.query<{ has_rls: boolean; columns: Column[] | null }>(
    `select entity.relrowsecurity as has_rls,
            (select json_agg(json_build_object(
                      'name', attribute.attname,
                      'type', format_type(attribute.atttypid, attribute.atttypmod),
                      'typeName', type.typname,
                      'isKey', attribute.attnum = any (key.indkey)
                    ) order by attribute.attnum)
             from pg_attribute as attribute
             join pg_type as type on type.oid = attribute.atttypid
             left join pg_index as key on key.indrelid = entity.oid and key.indisprimary
             where attribute.attrelid = entity.oid and attribute.attnum > 0
               and not attribute.attisdropped) as columns
     from pg_class as entity
     join pg_namespace as namespace on namespace.oid = entity.relnamespace
     where namespace.nspname = $1 and entity.relname = $2`,
    [schema, table],
  );
  const [row] = found.rows;
  const columns = (row?.columns ?? []).map((column) => ({
    ...column,
    isKey: column.isKey === true,
  }));
  return { schema, table, hasRls: row?.has_rls ?? true, columns, readAt: Date.now() };
}

/** Reads the row as jsonb and the result of each filter, in one statement. */
export async function describe(
  pool: Pool,
  relation: Relation,
  row: TextRow,
  filters: Filter[],
): Promise<Described> {
  const values: unknown[] = [];
  const parameter = (value: unknown): string => `$${values.push(value)}`;
  const columns = relation.columns.filter((column) => row[column.name] !== undefined);
  const list = columns.map(
    (column) => `${parameter(row[column.name])}::${column.type} as ${identifier(column.name)}`,
  );
  const verdicts = filters.map((filter) => {
    const column = columns.find(({ name }) => name === filter.column);
    if (!column) return 'false';
    return filterSql(filter, `changed.${identifier(column.name)}`, column.type, parameter);
  });
  const described = await pool.query<Described>(
    `select to_jsonb(changed) as record, array[${verdicts.join(', ')}]::boolean[] as passes
     from (select ${list.join(', ')}) as changed`,
    values,
  );
  return described.rows[0] ?? { record: {}, passes: [] };
}

/** The columns that the role of the caller may read, and whether the caller may select this row. */
export async function visibleTo(
  pool: Pool,
  relation: Relation,
  key: TextRow | null,
  identity: Identity,
): Promise<{ columns: Set<string>; visible: boolean }> {
  const client = await pool.connect();
  let broken = false;
  try {
    await client.query('begin read only');
    const columns = await selectableColumns(client, relation, identity.role);
    const hidden = relation.columns.some((column) => column.isKey && !columns.has(column.name));
    if (hidden || columns.size === 0) return { columns, visible: false };
    if (!relation.hasRls || key === null) return { columns, visible: true };
    await becomeCaller(client, identity, null);
    const values: unknown[] = [];
    const conditions = relation.columns
      .filter((column) => column.isKey)
      .map(({ name, type }) => `${identifier(name)} = $${values.push(key[name])}::${type}`);
    const found = await client.query<{ visible: boolean }>(
      `select exists (
         select from ${identifier(relation.schema)}.${identifier(relation.table)}
         where ${conditions.join(' and ')}
       ) as visible`,
      values,
    );
    return { columns, visible: found.rows[0]?.visible === true };
  } finally {
    await client.query('rollback').catch(() => {
      broken = true;
    });
    client.release(broken);
  }
}

async function selectableColumns(
  client: PoolClient,
  relation: Relation,
  role: string,
): Promise<Set<string>> {
  const entity = `${identifier(relation.schema)}.${identifier(relation.table)}`;
  const found = await client.query<{ name: string }>(
    `select attname as name from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped
       and has_column_privilege($2::name, attrelid, attnum, 'select')`,
    [entity, role],
  );
  return new Set(found.rows.map((row) => row.name));
}

/**
 * A commit reaches the stream a moment before other sessions can see it. Waits until they can, so that the rights of
 * a subscriber are not checked on a row that is not visible yet.
 */
export async function settled(pool: Pool, xid: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const found = await pool.query<{ running: boolean }>(
      `select exists (select from pg_snapshot_xip(snapshot) as xip
                      where (xip::text::numeric % 4294967296) = $1::bigint)
              or (($1::bigint - (pg_snapshot_xmax(snapshot)::text::numeric % 4294967296)::bigint
                   + 4294967296) % 4294967296) < 2147483648 as running
       from pg_current_snapshot() as snapshot`,
      [xid < 0 ? xid + 4_294_967_296 : xid],
    );
    if (found.rows[0]?.running !== true) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
