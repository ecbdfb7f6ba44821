// Fresh databases for tests: migrated, empty or seeded, created concurrently from one template.

import pg from 'pg';
import { expect, test } from 'vitest';
import { migrationFiles } from '../../scripts/stack/migrate.ts';
import { freshDatabase, pool } from '../support/stack.ts';

async function count(url: string, sql: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ n: number }>(`select count(*)::int as n from ${sql}`);
    return rows[0]?.n ?? -1;
  } finally {
    await client.end();
  }
}

test('databases that are created concurrently are migrated, unseeded and separate', async () => {
  const databases = await Promise.all([freshDatabase(), freshDatabase(), freshDatabase()]);
  const files = await migrationFiles();
  for (const { url } of databases) {
    expect(await count(url, 'supabase_migrations.schema_migrations')).toBe(files.length);
    expect(await count(url, 'auth.users')).toBe(0);
  }
  expect(new Set(databases.map(({ name }) => name)).size).toBe(3);
});

test('a database can have the seed and pgTAP', async () => {
  const { url } = await freshDatabase({ seed: true, pgtap: true });
  expect(await count(url, 'stepbase.applications')).toBeGreaterThan(1);
  expect(await count(url, "pg_extension where extname = 'pgtap'")).toBe(1);
});

test('an empty database equals a new hosted project before its first migration', async () => {
  const { url } = await freshDatabase({ empty: true });
  const there = "pg_namespace where nspname in ('auth', 'extensions', 'realtime', 'vault')";
  expect(await count(url, there)).toBe(4);
  expect(await count(url, "pg_class where relnamespace = to_regnamespace('stepbase')")).toBe(0);
});

test('a dropped database no longer exists', async () => {
  const database = await freshDatabase();
  await database.drop();
  const { rowCount } = await pool().query('select from pg_database where datname = $1', [
    database.name,
  ]);
  expect(rowCount).toBe(0);
});
