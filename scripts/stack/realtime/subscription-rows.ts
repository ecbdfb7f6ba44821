// The rows of realtime.subscription: writing a row validates the subscription.

import type { Pool } from 'pg';
import { type Filter, filterSql } from './change-filters.ts';
import { describe, readRelation } from './change-rows.ts';
import type { Identity } from './identity.ts';
import type { ChangeBinding } from './join-config.ts';

export const PUBLICATION = 'supabase_realtime';

const WRITE = `
  insert into realtime.subscription (subscription_id, entity, filters, claims, action_filter)
  select $1, format('%I.%I', schemaname, tablename)::regclass,
         array(select row(f.column_name, f.op, f.value, f.negate)::realtime.user_defined_filter
               from jsonb_to_recordset($5::jsonb)
                 as f (column_name text, op realtime.equality_op, value text, negate boolean)),
         $6, $7
  from pg_publication_tables
  where pubname = '${PUBLICATION}' and ($2 = '*' or schemaname = $2) and ($3 = '*' or tablename = $3)
    -- A filter names a column the role may read.
    and not exists (
      select from jsonb_to_recordset($5::jsonb) as f (column_name text)
      where not coalesce(has_column_privilege($4::name,
        format('%I.%I', schemaname, tablename)::regclass, (
          select attnum from pg_attribute
          where attrelid = format('%I.%I', schemaname, tablename)::regclass
            and attname = f.column_name and attnum > 0 and not attisdropped
        ), 'select'), false)
    )`;

/** Writes one row for each matching table. Throws, with the message of the hosted service, if there is none. */
export async function recordSubscription(
  pool: Pool,
  rowId: string,
  binding: ChangeBinding,
  filters: Filter[],
  identity: Identity,
): Promise<void> {
  const { event, schema = '*', table = '*' } = binding;
  const stored = filters.map(({ column, operator, values, negate }) => ({
    column_name: column,
    op: operator,
    value: operator === 'in' ? `(${values.join(',')})` : values[0],
    negate,
  }));
  const { role, claims } = identity;
  const values = [rowId, schema, table, role, JSON.stringify(stored), claims, event.toUpperCase()];
  const recorded = await pool.query(WRITE, values).catch((error: unknown) => {
    throw refused(binding, error instanceof Error ? error.message : String(error));
  });
  if (recorded.rowCount === 0) throw refused(binding, '');
  if (filters.length === 0 || schema === '*' || table === '*') return;
  try {
    await tryFilters(pool, schema, table, filters);
  } catch (error) {
    await forgetSubscriptions(pool, [rowId]);
    throw refused(binding, error instanceof Error ? error.message : String(error));
  }
}

/** Reports an invalid value or pattern now, not at the first change. */
async function tryFilters(
  pool: Pool,
  schema: string,
  table: string,
  filters: Filter[],
): Promise<void> {
  const relation = await readRelation(pool, schema, table);
  const nothing = Object.fromEntries(relation.columns.map(({ name }) => [name, null]));
  await describe(pool, relation, nothing, filters);
  for (const filter of filters) {
    if (!/match$/.test(filter.operator)) continue;
    // PostgreSQL checks the pattern only if there is a value.
    const values: unknown[] = [];
    const sql = filterSql(filter, "''", 'text', (value) => `$${values.push(value)}`);
    await pool.query(`select ${sql}`, values);
  }
}

function refused({ event, schema, table, filter }: ChangeBinding, reason: string): Error {
  return new Error(
    'Unable to subscribe to changes with given parameters. ' +
      (reason === ''
        ? 'Please check Realtime is enabled for the given connect parameters'
        : reason) +
      `: [event: ${event}, schema: ${schema ?? '*'}, table: ${table ?? '*'}, filters: ${filter ?? ''}]`,
  );
}

export async function forgetSubscriptions(pool: Pool, rowIds: string[]): Promise<void> {
  await pool.query('delete from realtime.subscription where subscription_id = any($1::uuid[])', [
    rowIds,
  ]);
}
