// Stepbase is installed into a project that has tables of the same names, its own pg-boss and its own access-token
// hook: the project does not change, and the workflows of the demo run.

import { decodeJwt } from 'jose';
import { getConstructionPlans } from 'pg-boss';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runWorkflows } from '../../scripts/demo/demo.ts';
import { type Fakes, startFakes } from '../../scripts/fakes/fakes.ts';
import { withClient } from '../../scripts/stack/postgres/connection.ts';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import { signedIn } from '../support/stack.ts';

/** A project with common table names of Stepbase, and a hook that adds Stepbase's claims. */
const PROJECT = `
  create table public.users (id uuid primary key, nickname text not null);
  create table public.organizations (id int primary key, title text not null);
  create table public.projects (id int primary key, owner uuid references public.users (id));
  create table public.api_keys (id int primary key, digest text not null);
  create table public.runs (id int primary key, distance_km numeric not null);
  alter table public.runs enable row level security;
  create policy "Everybody reads runs" on public.runs for select to anon, authenticated using (true);
  grant select on public.runs to anon, authenticated;
  insert into public.users values ('00000000-0000-4000-8000-0000000000aa', 'ada');
  insert into public.runs values (1, 42.195);

  create function public.start_run(distance_km numeric) returns int language sql
  as $$ insert into public.runs values (2, distance_km) returning id $$;

  create function public.custom_access_token_hook(event jsonb) returns jsonb
  language plpgsql stable set search_path = '' as $$
  begin
    event := jsonb_set(event, '{claims,plan}', '"gold"');
    if to_regprocedure('stepbase_private.add_claims(jsonb)') is not null then
      event := stepbase_private.add_claims(event);
    end if;
    return event;
  end;
  $$;
  grant usage on schema public to supabase_auth_admin;
  grant execute on function public.custom_access_token_hook(jsonb) to supabase_auth_admin;
`;

/** All objects of the project, with privileges and rows. */
const INVENTORY = `
  select 'relation ' || c.oid::regclass || ' ' || c.relkind::text || ' ' || coalesce(c.relacl::text, '') as line
  from pg_class c where c.relnamespace in ('public'::regnamespace, 'pgboss'::regnamespace)
  union all select 'function ' || pg_get_functiondef(p.oid) || coalesce(p.proacl::text, '')
  from pg_proc p where p.pronamespace in ('public'::regnamespace, 'pgboss'::regnamespace) and p.prokind = 'f'
  union all select 'policy ' || tablename || ' ' || policyname || ' ' || roles::text
  from pg_policies where schemaname in ('public', 'pgboss')
  union all select 'trigger ' || pg_get_triggerdef(t.oid)
  from pg_trigger t join pg_class c on c.oid = t.tgrelid
  where not t.tgisinternal and c.relnamespace in ('public'::regnamespace, 'pgboss'::regnamespace)
  union all select 'default privileges ' || d.defaclrole::regrole || ' ' || d.defaclnamespace::regnamespace || ' '
    || d.defaclobjtype::text || ' ' || d.defaclacl::text from pg_default_acl d
  union all select 'schema ' || nspname || ' ' || coalesce(nspacl::text, '') from pg_namespace
  where nspname in ('public', 'pgboss', 'auth', 'realtime', 'extensions')
  union all select 'user ' || u::text from public.users u
  union all select 'run ' || r::text from public.runs r
  order by 1`;

const inventory = (url: string) =>
  withClient(url, async (client) => {
    const { rows } = await client.query<{ line: string }>(INVENTORY);
    return rows.map(({ line }) => line);
  });

let fakes: Fakes;
let stack: Stack;
let before: string[] = [];

beforeAll(async () => {
  fakes = await startFakes({ latencyMs: 1 });
  stack = await startThrowawayStack({
    web: false,
    functionsEnv: fakes.env,
    logLevel: 'error',
    accessTokenHook: { schema: 'public', name: 'custom_access_token_hook' },
    beforeMigrations: async (url) => {
      await withClient(url, async (client) => {
        await client.query(getConstructionPlans('pgboss'));
        await client.query(PROJECT);
      });
      before = await inventory(url);
    },
  });
}, 120_000);

afterAll(async () => {
  await stack?.stop();
  await fakes?.stop();
}, 60_000);

test('the migrations do not change the project', async () => {
  expect(before.length).toBeGreaterThan(20);
  expect(await inventory(stack.info.db_url)).toEqual(before);
});

test("the project's own hook adds its claim and those of Stepbase", async () => {
  const person = await signedIn('developer@acme', stack.info);
  const { data } = await person.auth.getSession();
  expect(decodeJwt(data.session?.access_token ?? '')).toMatchObject({
    plan: 'gold',
    app_code: 'acme',
    app_role: 'developer',
  });
});

test('each client reads the runs of its own schema: the project or Stepbase', async () => {
  const person = await signedIn('developer@acme', stack.info);
  const own = await person.schema('public').from('runs').select();
  expect(own.data).toEqual([{ id: 1, distance_km: 42.195 }]);
  const { data, error } = await person.from('runs').select('app_code').limit(1);
  expect(error).toBeNull();
  expect(data).toEqual([{ app_code: 'acme' }]);
});

test("the demo's workflows run in the project", { timeout: 90_000 }, async () => {
  const reports = await runWorkflows(
    stack.info,
    { shop_url: fakes.shop.url, billing_url: fakes.webhooks.url },
    {
      print: () => undefined,
      signal: AbortSignal.timeout(80_000),
    },
  );
  expect(reports.map(({ workflow, status }) => [workflow, status])).toEqual([
    ['order-confirmation', 'completed'],
    ['order-triage', 'completed'],
    ['refund-approval', 'completed'],
  ]);
  expect(await inventory(stack.info.db_url)).toEqual(before);
});
