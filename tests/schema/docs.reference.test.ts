// The generated reference covers the database: every RPC and table has an entry, and the snapshot shows a change of
// a policy or function.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SCHEMAS, schemaLiterals } from '../../scripts/database/schemas.ts';
import { SNAPSHOT_VERSION, schemaSnapshot } from '../../scripts/database/snapshot.ts';
import { databasePages } from '../../scripts/docs/database-pages.ts';
import type { GeneratedPage } from '../../scripts/docs/markdown.ts';
import { createDatabase } from '../../scripts/stack/databases.ts';
import { withClient } from '../../scripts/stack/postgres/connection.ts';
import { stackInfo } from '../support/stack.ts';

let database: Awaited<ReturnType<typeof createDatabase>>;
let pages: GeneratedPage[];
const text = (path: string) => pages.find((page) => page.path === path)?.text ?? '';
const names = async (sql: string): Promise<string[]> =>
  await withClient(database.url, async (client) =>
    (await client.query<{ name: string }>(sql)).rows.map(({ name }) => name),
  );

beforeAll(async () => {
  database = await createDatabase(stackInfo());
  pages = await databasePages(database.url);
});
afterAll(() => database.drop());

describe(`the reference on PostgreSQL ${SNAPSHOT_VERSION}`, () => {
  test('rpcs.md has every function that clients can call', async () => {
    const functions = await names(
      `select p.proname as name from pg_proc p
       where p.pronamespace = '${SCHEMAS.exposed}'::regnamespace
         and has_function_privilege('authenticated', p.oid, 'execute')
         and p.prorettype <> 'trigger'::regtype`,
    );
    const page = text('docs/reference/rpcs.md');
    const missing = functions.filter(
      (name) => !page.includes(`\n## ${name}\n`) && !page.includes(`| \`${name}\` |`),
    );
    expect(missing).toEqual([]);
  });

  test('the schema pages have every table and view of the exposed schema', async () => {
    const relations = await names(
      `select c.relname as name from pg_class c
       where c.relnamespace = '${SCHEMAS.exposed}'::regnamespace
         and c.relkind in ('r', 'p', 'v', 'm') and c.relname <> 'step_types'`,
    );
    const all = pages.map((page) => page.text).join('\n');
    expect(relations.filter((name) => !all.includes(`\n## ${name}\n`))).toEqual([]);
  });

  test('the snapshot has every function, policy and trigger of our schemas', async () => {
    const snapshot = text('supabase/schema.snapshot.sql');
    const functions = await names(
      `select format('%I.%I(', n.nspname, p.proname) as name from pg_proc p
       join pg_namespace n on n.oid = p.pronamespace where n.nspname in (${schemaLiterals})`,
    );
    const policies = await names(
      `select format('create policy "%s" on', policyname) as name from pg_policies
       where schemaname in (${schemaLiterals})`,
    );
    const triggers = await names(
      `select format('TRIGGER %I ', t.tgname) as name from pg_trigger t
       join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
       where not t.tgisinternal and t.tgparentid = 0 and not c.relispartition and n.nspname in (${schemaLiterals})`,
    );
    const missing = [...functions, ...policies, ...triggers].filter(
      (name) => !snapshot.includes(name),
    );
    expect(missing).toEqual([]);
  });

  test('the snapshot is the same each time, and differs after a change of a policy', async () => {
    await withClient(database.url, async (client) => {
      await client.query(`set search_path to ''`);
      const before = await schemaSnapshot(client);
      expect(await schemaSnapshot(client)).toBe(before);
      await client.query(
        `alter policy "Signed-in users read step types" on ${SCHEMAS.exposed}.step_types using (false)`,
      );
      const changed = (await schemaSnapshot(client)).split('\n');
      const differs = before.split('\n').filter((line, index) => line !== changed[index]);
      expect(differs).toEqual(['  using (true);']);
    });
  });
});
