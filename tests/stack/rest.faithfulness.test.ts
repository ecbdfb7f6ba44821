// The Data API behind the gateway refuses, responds and reloads the schema as PostgREST on a hosted project does, with
// no grants except those of the migrations.

import { randomUUID } from 'node:crypto';
import { createClient } from '@supabase/supabase-js';
import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { loadProjectConfig } from '../../scripts/stack/config-toml.ts';
import { loadKeys } from '../../scripts/stack/keys.ts';
import { client, pool, seedUser, signedIn, stackInfo, waitFor } from '../support/stack.ts';

async function rest(path: string, headers: Record<string, string>) {
  const response = await fetch(`${stackInfo().api_url}/rest/v1/${path}`, {
    headers: { 'accept-profile': 'stepbase', ...headers },
    signal: AbortSignal.timeout(10_000),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const apikey = () => stackInfo().publishable_key;

async function token(options: { secret?: string; expires?: string } = {}): Promise<string> {
  const { jwtSecret } = await loadKeys(stackInfo().data_dir);
  return await new SignJWT({ role: 'authenticated', app_code: 'acme' })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(seedUser('admin@acme').id)
    .setExpirationTime(options.expires ?? '5m')
    .sign(new TextEncoder().encode(options.secret ?? jwtSecret));
}

test('a request with no key or a wrong key is 401 at the gateway', async () => {
  expect(await rest('workflows', {})).toMatchObject({
    status: 401,
    body: { message: 'No API key found in request' },
  });
  expect(await rest('workflows', { apikey: 'sb_publishable_wrong' })).toMatchObject({
    status: 401,
    body: { message: 'Invalid API key' },
  });
});

test('a forged, an expired and an unsigned token are 401 with PostgREST’s codes', async () => {
  const forged = await token({ secret: 'x'.repeat(32) });
  expect(
    await rest('workflows', { apikey: apikey(), authorization: `Bearer ${forged}` }),
  ).toMatchObject({ status: 401, body: { code: 'PGRST301' } });
  const expired = await token({ expires: '-1m' });
  expect(
    await rest('workflows', { apikey: apikey(), authorization: `Bearer ${expired}` }),
  ).toMatchObject({ status: 401, body: { code: 'PGRST303', message: 'JWT expired' } });
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const unsigned = `${part({ alg: 'none' })}.${part({ role: 'service_role' })}.`;
  expect(
    await rest('workflows', { apikey: apikey(), authorization: `Bearer ${unsigned}` }),
  ).toMatchObject({ status: 401, body: { code: 'PGRST301' } });
});

test('the publishable key alone is anon, which has no grants', async () => {
  const anonymous = client();
  for (const table of ['workflows', 'runs', 'app_members', 'users', 'api_keys']) {
    const { error, status } = await anonymous.from(table).select();
    expect({ table, status, code: error?.code }).toEqual({ table, status: 401, code: '42501' });
  }
});

test('the secret key is service_role, unless the request also has a token', async () => {
  const service = client(stackInfo(), stackInfo().secret_key);
  const everything = await service.from('workflows').select('app_code');
  expect(new Set(everything.data?.map((row) => row.app_code)).size).toBeGreaterThan(1);
  const answer = await rest('workflows?select=app_code', {
    apikey: stackInfo().secret_key,
    authorization: `Bearer ${await token()}`,
    'user-agent': 'a server',
  });
  expect(answer.status).toBe(200);
  expect(answer.body).toSatisfy((rows: Array<{ app_code: string }>) =>
    rows.every((row) => row.app_code === 'acme'),
  );
});

test('starting the Data API adds no grants', async () => {
  // By default, @supabase/lite would expose every schema at the first request.
  await (await signedIn('admin@acme')).from('workflows').select('id').limit(1);
  const { rows } = await pool().query(
    `select c.oid::regclass::text as name
     from pg_catalog.pg_class c
     where c.relkind in ('r', 'p', 'v') and (
       c.relnamespace in ('stepbase_engine'::regnamespace, 'stepbase_private'::regnamespace, 'stepbase_queue'::regnamespace)
         and has_table_privilege('authenticated', c.oid, 'select, insert, update, delete')
       or c.relnamespace in ('stepbase'::regnamespace, 'auth'::regnamespace)
         and has_table_privilege('anon', c.oid, 'insert, update, delete')
     )`,
  );
  expect(rows).toEqual([]);
});

test('an unknown role is refused even with a valid signature', async () => {
  const { jwtSecret } = await loadKeys(stackInfo().data_dir);
  for (const role of ['postgres', 'supabase_auth_admin', 'supabase_admin', 'nobody']) {
    const forged = await new SignJWT({ role })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('5m')
      .sign(new TextEncoder().encode(jwtSecret));
    const answer = await rest('workflows', { apikey: apikey(), authorization: `Bearer ${forged}` });
    expect({ role, ok: answer.status < 400 }).toEqual({ role, ok: false });
  }
});

test('errors of class SB have message and detail, and times have the JSON format', async () => {
  const person = await signedIn('admin@acme');
  const refused = await person.rpc('start_run', { workflow: 'there-is-none' });
  expect(refused.status).toBe(400);
  expect(refused.error).toMatchObject({ code: 'SB404', message: expect.any(String) });
  expect(JSON.parse(refused.error?.details ?? '')).toMatchObject({ code: 'not_found' });
  const { data } = await person.from('workflows').select('created_at').limit(1).single();
  expect(data?.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00$/);
});

test('an update or delete without a filter is refused before its privileges are checked', async () => {
  const table = 'workflows';
  const callers = {
    viewer: await signedIn('viewer@acme'),
    admin: await signedIn('admin@acme'),
    service_role: client(stackInfo(), stackInfo().secret_key),
  };
  for (const [role, caller] of Object.entries(callers)) {
    for (const [command, { error, status }] of [
      ['UPDATE', await caller.from(table).update({ name: 'changed' })],
      ['DELETE', await caller.from(table).delete()],
    ] as const) {
      expect({ role, status, error }).toMatchObject({
        role,
        status: 400,
        error: { code: '21000', message: `${command} requires a WHERE clause` },
      });
    }
  }
  // With a filter, privileges and policies decide.
  const nothing = { id: randomUUID() };
  const service = await callers.service_role.from(table).delete().match(nothing);
  expect(service.error?.code).not.toBe('21000');
  const viewer = await callers.viewer.from(table).delete().match(nothing);
  expect(viewer.error?.code).not.toBe('21000');
});

test('max_rows of config.toml limits a response; a range reads the rest', async () => {
  const table = `many_${randomUUID().slice(0, 8)}`;
  const db = pool();
  await db.query(
    `create table public.${table} as select n from generate_series(1, 1005) n;
     grant select on public.${table} to service_role;
     create function public.rows_of_${table}() returns setof public.${table}
       language sql stable as $$ select * from public.${table} $$;
     grant execute on function public.rows_of_${table}() to service_role;
     notify pgrst`,
  );
  try {
    const service = createClient(stackInfo().api_url, stackInfo().secret_key);
    await waitFor('the table is served', async () => {
      const { error } = await service.from(table).select('n').limit(1);
      return error === null;
    });
    const { max_rows: most } = (await loadProjectConfig()).api;
    expect(most).toBe(1000);
    const rows = async (read: PromiseLike<{ data: unknown[] | null; error: unknown }>) => {
      const { data, error } = await read;
      expect(error).toBeNull();
      return data?.length;
    };
    expect(await rows(service.from(table).select('n'))).toBe(1000);
    expect(await rows(service.from(table).select('n').limit(2_000))).toBe(1000);
    expect(await rows(service.from(table).select('n').range(0, 1_999))).toBe(1000);
    expect(await rows(service.from(table).select('n').order('n').range(1_000, 1_999))).toBe(5);
    expect(await rows(service.from(table).select('n').limit(7))).toBe(7);
    expect(await rows(service.rpc(`rows_of_${table}`))).toBe(1000);
  } finally {
    await db.query(`drop table public.${table} cascade`);
  }
});

test('a new table is served soon after its migration, without a restart', async () => {
  const db = pool();
  const person = await signedIn('admin@acme');
  try {
    await db.query(`
      create table public.reload_probe (id int primary key);
      grant select on public.reload_probe to authenticated;
      insert into public.reload_probe values (1);
    `);
    const rows = await waitFor('the table is served', async () => {
      const { data } = await person.schema('public').from('reload_probe').select();
      return data ?? undefined;
    });
    expect(rows).toEqual([{ id: 1 }]);
  } finally {
    await db.query('drop table if exists public.reload_probe');
  }
});

test('existing tables can be read while a migration holds a lock', async () => {
  const db = pool();
  const migration = await db.connect();
  const person = await signedIn('viewer@acme');
  try {
    await migration.query(`
      begin;
      create table public.lock_probe (id int primary key);
      create view public.lock_probe_view with (security_invoker) as select id from public.lock_probe;
      grant select on public.lock_probe, public.lock_probe_view to authenticated;
      commit;
      begin;
      lock table public.lock_probe in access exclusive mode;
    `);
    await db.query("notify pgrst, 'reload schema'");
    await waitFor('the schema reload waits for the lock', async () => {
      const { rows } = await db.query<{ waits: boolean }>(
        `select exists (select from pg_catalog.pg_locks l
           where not l.granted and l.relation = 'public.lock_probe'::regclass) as waits`,
      );
      return rows[0]?.waits === true;
    });
    const { error } = await person
      .from('workflows')
      .select('id')
      .limit(1)
      .abortSignal(AbortSignal.timeout(10_000));
    expect(error).toBeNull();
    await migration.query('commit');
    await waitFor('the new view is served', async () => {
      const { data } = await person.schema('public').from('lock_probe_view').select();
      return data !== null;
    });
  } finally {
    await migration.query('rollback');
    migration.release();
    await db.query('drop table if exists public.lock_probe cascade');
  }
});

test('a browser on another origin can call every service (CORS)', async () => {
  for (const path of ['rest/v1/workflows', 'auth/v1/token?grant_type=password']) {
    const response = await fetch(`${stackInfo().api_url}/${path}`, {
      method: 'OPTIONS',
      headers: {
        origin: stackInfo().web_url,
        'access-control-request-method': 'POST',
        'access-control-request-headers':
          'apikey,authorization,content-type,x-client-info,accept-profile,content-profile',
      },
    });
    expect(response.ok).toBe(true);
    expect(response.headers.get('access-control-allow-origin')).toMatch(/^(\*|http:\/\/127)/);
  }
});

test('numbers that a double cannot hold pass in both directions', async () => {
  const db = pool();
  await db.query(`
    create function stepbase.echo_numbers(a jsonb, b numeric, c text, d bigint)
    returns table (a jsonb, b numeric, c text, d bigint, seen text)
    language sql as $$ select a, b, c, d, a::text || ' ' || b $$;
    grant execute on function stepbase.echo_numbers(jsonb, numeric, text, bigint) to service_role;
  `);
  try {
    const json =
      '{"id": 7615917337495251231, "list": [12345678901234567.89, "7615917337495251231", 1.5]}';
    const ask = async () => {
      const response = await fetch(`${stackInfo().api_url}/rest/v1/rpc/echo_numbers`, {
        method: 'POST',
        headers: {
          apikey: stackInfo().secret_key,
          'content-type': 'application/json',
          'content-profile': 'stepbase',
        },
        body: `{"a": ${json}, "b": 99999999999999999.99, "c": 12345678901234567890, "d": 9007199254740993}`,
        signal: AbortSignal.timeout(10_000),
      });
      return { status: response.status, text: await response.text() };
    };
    // The new function is known a moment later.
    const { text } = await waitFor('the function is known', async () => {
      const answer = await ask();
      return answer.status === 200 ? answer : undefined;
    });
    expect(text.replaceAll(/\s/g, '')).toBe(
      `[{"a":{"id":7615917337495251231,"list":[12345678901234567.89,"7615917337495251231",1.5]},` +
        `"b":99999999999999999.99,"c":"12345678901234567890","d":9007199254740993,` +
        `"seen":${JSON.stringify(`${json} 99999999999999999.99`).replaceAll(' ', '')}}]`,
    );
  } finally {
    await db.query('drop function stepbase.echo_numbers(jsonb, numeric, text, bigint)');
  }
});
