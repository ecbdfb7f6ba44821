// Stepbase is installed into a project with users, tables and functions, used, and uninstalled: the project is as before.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KEEP_LOGS } from '../../scripts/stack/keep-logs.ts';
import { withClient } from '../../scripts/stack/postgres/connection.ts';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';

const UNINSTALL = readFileSync(new URL('../../supabase/uninstall.sql', import.meta.url), 'utf8');

const PROJECT = `
  create table public.orders (id int primary key, total numeric not null);
  alter table public.orders enable row level security;
  create policy "Everybody reads orders" on public.orders for select to authenticated using (true);
  grant select on public.orders to authenticated;
  insert into public.orders values (1, 42);
  create schema shop;
  create function shop.order_total(id int) returns numeric language sql stable
  as $$ select o.total from public.orders o where o.id = order_total.id $$;
`;

/** Uses what Stepbase leaves in other places: triggers and grants on the project, secrets in Vault. */
const USE = `
  insert into auth.users (id, email) values ('00000000-0000-4000-8000-0000000000aa', 'ada@shop.example');
  select stepbase.allow_function('shop.order_total(int)'::regprocedure);
  create trigger changed after insert on public.orders referencing new table as rows
    for each statement execute function stepbase_engine.capture_changes();
  select vault.create_secret('x', 'stepbase_url');
  select vault.create_secret('x', 'stepbase/app/acme/key');
  select vault.create_secret('x', 'of the project');
`;

/** Everything that is in no schema of Stepbase or of the CLI's list of migrations: objects with definitions and privileges, roles and settings. */
const INVENTORY = `
  with schema as (
    select oid, nspname, nspacl, nspowner from pg_namespace
    where nspname not in ('stepbase', 'stepbase_private', 'stepbase_engine', 'stepbase_queue', 'supabase_migrations')
      and nspname !~ '^pg_(toast|temp)'
  )
  select 'schema ' || nspname || ' ' || coalesce(nspacl, acldefault('n', nspowner))::text as line from schema
  union all select format('relation %s.%s %s %s', s.nspname, c.relname, c.relkind, c.relacl)
  from pg_class c join schema s on s.oid = c.relnamespace where c.oid > 16384 and c.relkind <> 't'
  union all select format('function %s.%s %s %s', s.nspname, p.proname, md5(p.prosrc), coalesce(p.proacl, acldefault('f', p.proowner)))
  from pg_proc p join schema s on s.oid = p.pronamespace where p.oid > 16384
  union all select format('type %s.%s', s.nspname, t.typname)
  from pg_type t join schema s on s.oid = t.typnamespace where t.oid > 16384 and s.nspname <> 'pg_toast'
  union all select format('trigger %s', pg_get_triggerdef(t.oid)) from pg_trigger t where not t.tgisinternal
    and (select c.relnamespace from pg_class c where c.oid = t.tgrelid) in (select oid from schema)
  union all select format('policy %s.%s %s %s', schemaname, tablename, policyname, roles) from pg_policies
    where schemaname in (select nspname from schema)
  union all select format('role %s %s %s', rolname, rolcanlogin, rolconfig) from pg_roles
  union all select format('member %s of %s', m.member::regrole, m.roleid::regrole) from pg_auth_members m
  union all select format('default privileges %s', d.*) from pg_default_acl d
  union all select format('publication %s %s', p.pubname, r.prrelid::regclass)
    from pg_publication p left join pg_publication_rel r on r.prpubid = p.oid
  union all select format('extension %s', extname) from pg_extension
  union all select format('secret %s', name) from vault.secrets
  union all select format('order %s', o.*) from public.orders o
  order by 1`;

const inventory = (url: string) =>
  withClient(url, async (client) => {
    const { rows } = await client.query<{ line: string }>(INVENTORY);
    return rows.map(({ line }) => line);
  });

const execute = (url: string, sql: string) => withClient(url, (client) => client.query(sql));

/**
 * The script locks every object of Stepbase, and so does each reader of the catalog, such as the schema cache of the
 * Data API. When the two wait for each other, PostgreSQL ends one of them; docs/operations/uninstall.md says to repeat.
 */
async function uninstall(url: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await execute(url, UNINSTALL);
      return;
    } catch (error) {
      const deadlock = error instanceof Error && 'code' in error && error.code === '40P01';
      if (!deadlock || attempt === 5) throw error;
    }
  }
}

// The deadlock stays out of the scan of the logs for those of the engine.
const logsOfTheRun = process.env[KEEP_LOGS];

let stack: Stack;
let before: string[] = [];

beforeAll(async () => {
  delete process.env[KEEP_LOGS];
  stack = await startThrowawayStack({
    ...{ web: false, functions: false, seed: false, logLevel: 'error' },
    beforeMigrations: async (url) => {
      await execute(url, PROJECT);
      before = await inventory(url);
    },
  });
}, 120_000);

afterAll(async () => {
  await stack?.stop();
  if (logsOfTheRun !== undefined) process.env[KEEP_LOGS] = logsOfTheRun;
}, 60_000);

test('the script refuses while an object of the project needs Stepbase, and changes nothing', async () => {
  const url = stack.info.db_url;
  await execute(url, USE);
  await execute(url, 'create view public.my_runs as select id from stepbase.runs');
  const installed = await inventory(url);
  await expect(execute(url, UNINSTALL)).rejects.toThrow(
    /need Stepbase; drop them first: .*public\.my_runs/,
  );
  await execute(url, 'rollback');
  expect(await inventory(url)).toEqual(installed);
  await execute(url, 'drop view public.my_runs');
});

test('then the project is as before, with its users and secrets', async () => {
  const url = stack.info.db_url;
  await uninstall(url);
  const left = await inventory(url);
  expect(left.filter((line) => /stepbase/i.test(line))).toEqual([]);
  expect(left).toContain('secret of the project');
  expect(left.filter((line) => line !== 'secret of the project')).toEqual(before);
  const { rows } = await execute(url, 'select email from auth.users');
  expect(rows).toEqual([{ email: 'ada@shop.example' }]);
  await execute(url, 'insert into public.orders values (2, 7)');
  const migrations = await execute(url, 'select 1 from supabase_migrations.schema_migrations');
  expect(migrations.rows).toEqual([]);
});
