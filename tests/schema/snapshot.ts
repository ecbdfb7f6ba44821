// The schema of a database as lines of text, and the removal of everything that the migrations created.

import { SCHEMAS, schemaLiterals } from '../../scripts/database/schemas.ts';
import { withClient } from '../../scripts/stack/postgres/connection.ts';

const PARTS: Record<string, string> = {
  tables: `
    select format('%s.%s %s rls=%s acl=%s -- %s', n.nspname, c.relname, c.relkind, c.relrowsecurity,
      (select string_agg(a::text, ',' order by a::text) from unnest(c.relacl) a), obj_description(c.oid, 'pg_class'))
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in (${schemaLiterals}) and c.relkind in ('r', 'p', 'v', 'm', 'S')`,
  columns: `
    select format('%s.%s.%s %s null=%s default=%s generated=%s acl=%s -- %s', n.nspname, c.relname, a.attname,
      format_type(a.atttypid, a.atttypmod), not a.attnotnull,
      -- Version 7 UUIDs: built in from PostgreSQL 18 on, the engine's own before.
      replace(pg_get_expr(d.adbin, d.adrelid), 'uuidv7()', '${SCHEMAS.engine}.new_id()'), a.attgenerated,
      (select string_agg(x::text, ',' order by x::text) from unnest(a.attacl) x), col_description(c.oid, a.attnum))
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where n.nspname in (${schemaLiterals}) and c.relkind in ('r', 'p', 'v', 'm')`,
  constraints: `
    select format('%s %s %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid))
    from pg_constraint c join pg_namespace n on n.oid = c.connamespace
    where n.nspname in (${schemaLiterals}) and c.contype <> 'n'`,
  indexes: `select i.indexdef from pg_indexes i where i.schemaname in (${schemaLiterals})`,
  functions: `
    select format('%s acl=%s -- %s', pg_get_functiondef(p.oid),
      (select string_agg(a::text, ',' order by a::text) from unnest(p.proacl) a), obj_description(p.oid, 'pg_proc'))
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in (${schemaLiterals}) and p.prokind in ('f', 'p')`,
  triggers: `
    select pg_get_triggerdef(t.oid) from pg_trigger t join pg_class c on c.oid = t.tgrelid
    join pg_namespace n on n.oid = c.relnamespace
    where not t.tgisinternal and n.nspname in (${schemaLiterals}, 'auth')`,
  policies: `
    select format('%s.%s %s %s %s using %s check %s', schemaname, tablename, policyname, cmd, roles, qual, with_check)
    from pg_policies where schemaname in (${schemaLiterals}, 'realtime')`,
  lookups: `
    select to_jsonb(s)::text from (
      select name, label, ordinal, config_schema::text as detail from ${SCHEMAS.exposed}.step_types
      union all select name, label, ordinal, permissions::text from ${SCHEMAS.exposed}.user_roles
      union all select name, label, ordinal, subject from ${SCHEMAS.exposed}.run_event_types
      union all select entity, from_status, 0, to_status from ${SCHEMAS.engine}.transitions
    ) s`,
};

/** All objects of the migrations, sorted; only the named parts if some are given. */
export async function snapshot(url: string, parts = Object.keys(PARTS)): Promise<string[]> {
  return await withClient(url, async (client) => {
    const lines: string[] = [];
    for (const part of parts) {
      const { rows } = await client.query<unknown[]>({ text: PARTS[part] ?? '', rowMode: 'array' });
      lines.push(...rows.map(([line]) => `${part}: ${String(line)}`).sort());
    }
    return lines;
  });
}

/** Drops all objects of the migrations as role postgres: this needs no superuser. */
export async function toEmpty(url: string): Promise<void> {
  await withClient(url, (client) =>
    client.query(`
      drop schema if exists stepbase, stepbase_engine, stepbase_private, stepbase_queue cascade;
      drop schema if exists supabase_migrations cascade;
    `),
  );
}
