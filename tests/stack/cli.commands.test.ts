// Commands of the Supabase CLI against the stack's database: they work with the address that the stack prints.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { migrationFiles, supabase } from '../../scripts/stack/migrate.ts';
import { type FreshDatabase, freshDatabase, pool, stackInfo } from '../support/stack.ts';

let folder: string;
let database: FreshDatabase;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stepbase-cli-'));
  database = await freshDatabase({ seed: true });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const cli = (...args: string[]) => supabase([...args, '--yes'], join(folder, 'cli.log'));

async function state() {
  const db = pool(database.url);
  const { rows } = await db.query<{ versions: string[]; users: number; policies: number }>(`
    select
      (select array_agg(version order by version) from supabase_migrations.schema_migrations) as versions,
      (select count(*)::int from auth.users) as users,
      (select count(*)::int from pg_policies where schemaname = 'realtime') as policies`);
  return rows[0];
}

describe('with the printed address', () => {
  test('the address states that the stack has no TLS', () => {
    expect(new URL(stackInfo().db_url).searchParams.get('sslmode')).toBe('disable');
  });

  test('gen types prints nothing but TypeScript', async () => {
    const output = await cli('gen', 'types', `--remote=${stackInfo().db_url}`, '--schema=stepbase');
    expect(output).toContain('export type Database');
    expect(output).not.toMatch(/without TLS/);
  });

  test('migration down and db reset rebuild the database with any owner of the service schemas', async () => {
    const all = (await migrationFiles()).map(({ version }) => version);
    await cli('migration', 'down', `--remote=${database.url}`, '--last=2');
    expect((await state())?.versions).toEqual(all.slice(0, -2));
    await cli('db', 'reset', `--remote=${database.url}`);
    expect(await state()).toEqual({ versions: all, users: 5, policies: 1 });
  });
});
