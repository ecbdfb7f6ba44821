// A database without Vault: set_secret stores values in tables that no client and no worker role reads.

import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshDatabase } from '../support/stack.ts';

let superuser: pg.Client;

beforeAll(async () => {
  const database = await freshDatabase();
  superuser = new pg.Client({ connectionString: database.adminUrl });
  await superuser.connect();
  await superuser.query('alter schema vault rename to vault_that_is_gone');
  await superuser.query(`
    with o as (
      insert into stepbase.organizations (slug, name) values ('plain', 'Plain') returning id
    )
    insert into stepbase.applications (app_code, organization_id, name) select 'plain', o.id, 'Plain' from o`);
});
afterAll(() => superuser?.end());

test('a secret is stored, replaced, read and deleted', async () => {
  const store = 'select version from stepbase_private.store_secret($1, $2, $3, null)';
  expect((await superuser.query(store, ['plain', 'key', 'first'])).rows).toEqual([{ version: 1 }]);
  expect((await superuser.query(store, ['plain', 'key', 'second'])).rows).toEqual([{ version: 2 }]);
  const read = async () =>
    (await superuser.query("select value from stepbase_private.stored_secret('plain', 'key')"))
      .rows;
  expect(await read()).toEqual([{ value: 'second' }]);
  await superuser.query("delete from stepbase_private.secrets where app_code = 'plain'");
  expect(await read()).toEqual([]);
  const { rows } = await superuser.query(
    "select * from stepbase_private.operator_secret('plain', 'key')",
  );
  expect(rows).toEqual([]);
});

test.each(['anon', 'authenticated', 'service_role', 'stepbase_worker'])(
  '%s cannot read the tables',
  async (role) => {
    for (const table of ['secrets', 'secret_versions']) {
      const { rows } = await superuser.query<{ reads: boolean }>(
        "select has_table_privilege($1, 'stepbase_private.' || $2, 'select') as reads",
        [role, table],
      );
      expect(rows).toEqual([{ reads: false }]);
    }
  },
);
