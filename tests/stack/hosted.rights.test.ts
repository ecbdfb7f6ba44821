// The database of the stack gives no more than a hosted project: rights that a migration would miss there are absent.

import { expect, test } from 'vitest';
import { pool } from '../support/stack.ts';

const db = () => pool();

test.each(['auth', 'realtime', 'vault'])(
  'postgres creates nothing in schema %s',
  async (schema) => {
    const client = await db().connect();
    try {
      await client.query('begin');
      await expect(client.query(`create table ${schema}.extra (id int)`)).rejects.toMatchObject({
        code: '42501',
      });
    } finally {
      await client.query('rollback');
      client.release();
    }
  },
);

test('the schemas of the services belong to supabase_admin, which a reset leaves alone', async () => {
  const { rows } = await db().query(
    `select nspname, pg_get_userbyid(nspowner) as owner from pg_namespace
     where nspname in ('auth', 'realtime', 'vault') order by 1`,
  );
  expect(rows).toEqual(
    ['auth', 'realtime', 'vault'].map((nspname) => ({ nspname, owner: 'supabase_admin' })),
  );
});

test('no service role creates roles or databases, and Auth creates no schemas', async () => {
  const { rows } = await db().query(
    `select rolname, rolcreaterole, rolcreatedb, rolsuper,
       has_database_privilege(rolname, current_database(), 'create') as creates_schemas
     from pg_roles where rolname in ('authenticator', 'supabase_auth_admin', 'supabase_realtime_admin') order by 1`,
  );
  expect(rows).toEqual(
    ['authenticator', 'supabase_auth_admin', 'supabase_realtime_admin'].map((rolname) => ({
      rolname,
      rolcreaterole: false,
      rolcreatedb: false,
      rolsuper: false,
      creates_schemas: false,
    })),
  );
});

test('realtime.messages has daily partitions only: a day without one refuses messages', async () => {
  const send = (at: string) =>
    db().query(
      `insert into realtime.messages (topic, extension, inserted_at) values ('day', 'broadcast', ${at})`,
    );
  await send('now()');
  await expect(send("now() + interval '40 days'")).rejects.toMatchObject({ code: '23514' });
  const { rows } = await db().query(
    "select to_regclass('realtime.messages_default') as fallback, exists (select from pg_attribute where attrelid = 'realtime.messages'::regclass and attname = 'skip_broadcast') as skips",
  );
  expect(rows).toEqual([{ fallback: null, skips: false }]);
});
