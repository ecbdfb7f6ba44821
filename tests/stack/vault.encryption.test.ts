// The embedded Vault: secrets are encrypted on disk, readable through the view only, and bound to their row.

import { statSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshDatabase } from '../support/stack.ts';

let db: pg.Client;
let admin: pg.Client;

beforeAll(async () => {
  const { url, adminUrl } = await freshDatabase({ empty: true });
  db = new pg.Client({ connectionString: url });
  admin = new pg.Client({ connectionString: adminUrl });
  await Promise.all([db.connect(), admin.connect()]);
});
afterAll(async () => {
  await Promise.all([db.end(), admin.end()]);
});

async function create(secret: string, name: string): Promise<string> {
  const { rows } = await db.query<{ id: string }>('select vault.create_secret($1, $2) as id', [
    secret,
    name,
  ]);
  return rows[0]?.id ?? '';
}

async function read(id: string): Promise<{ secret: string; decrypted_secret: string } | undefined> {
  const { rows } = await db.query<{ secret: string; decrypted_secret: string }>(
    'select secret, decrypted_secret from vault.decrypted_secrets where id = $1',
    [id],
  );
  return rows[0];
}

test('a secret of any text comes back, and its row does not contain it', async () => {
  for (const text of ['sk_live_1', 'ü "quoted" \\ 🗝', 'a'.repeat(5_000), '']) {
    const row = await read(await create(text, `round trip ${text.length}`));
    expect(row?.decrypted_secret).toBe(text);
    if (text !== '') expect(row?.secret).not.toContain(text);
  }
});

test('equal secrets look different, and an update encrypts again', async () => {
  const [one, other] = [await create('same', 'one'), await create('same', 'other')];
  const before = await read(one);
  expect(before?.secret).not.toBe((await read(other))?.secret);
  await db.query('select vault.update_secret($1, $2)', [one, 'new']);
  const after = await read(one);
  expect(after?.decrypted_secret).toBe('new');
  await db.query("select vault.update_secret($1, new_description => 'note')", [one]);
  expect(await read(one)).toEqual(after);
});

test('a ciphertext is valid in its own row only', async () => {
  const [mine, theirs] = [await create('mine', 'mine'), await create('theirs', 'theirs')];
  await admin.query(
    'update vault.secrets set secret = (select secret from vault.secrets where id = $1) where id = $2',
    [theirs, mine],
  );
  await expect(read(mine)).rejects.toThrow('encrypted for another row');
});

test('the key is a file of the data directory that only the superuser reads', async () => {
  for (const statement of ['select vault._key()', "select pg_read_file('stepbase_vault.key')"]) {
    await expect(db.query(statement)).rejects.toMatchObject({ code: '42501' });
  }
  const { rows } = await admin.query<{ folder: string; key: string }>(
    "select current_setting('data_directory') as folder, vault._key() as key",
  );
  expect(rows[0]?.key).toMatch(/^[0-9a-f]{64}$/);
  expect(statSync(rows[0]?.folder ?? '').mode & 0o077).toBe(0);
});

test('clients have no access', async () => {
  for (const role of ['anon', 'authenticated']) {
    for (const statement of [
      'select * from vault.secrets',
      'select * from vault.decrypted_secrets',
      "select vault._decrypt('', gen_random_uuid())",
      "select vault.create_secret('x')",
    ]) {
      await db.query('begin');
      await db.query(`set local role ${role}`);
      await expect(db.query(statement)).rejects.toMatchObject({ code: '42501' });
      await db.query('rollback');
    }
  }
});
