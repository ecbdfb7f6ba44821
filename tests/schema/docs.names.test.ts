// Every SQL object, migration and source file that the documentation refers to exists.

import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { schemaNames } from '../../scripts/database/schemas.ts';
import { ROOT } from '../../scripts/stack/options.ts';
import { createStepbase } from '../../sdk/src/index.ts';
import { pool } from '../support/stack.ts';

const PAGES = [
  ...globSync('*.md', { cwd: ROOT }),
  ...globSync('docs/**/*.md', { cwd: ROOT }),
].filter((page) => page !== 'CHANGELOG.md');
const read = (page: string) => readFileSync(join(ROOT, page), 'utf8');

const named = (page: string, pattern: RegExp): string[] => [
  ...new Set([...read(page).matchAll(pattern)].map(([, name = '']) => name)),
];

/** Names such as `stepbase_engine.claim` in code and prose, but not names of snapshots, files or settings. */
const SQL_NAME = new RegExp(
  `(?<![\\w./-])(?<!current_setting\\(')((?:${schemaNames.join('|')})\\.[a-z_]+)\\b(?!\\.\\w)`,
  'g',
);
const MIGRATION = /[*…](_[a-z_]+\.sql)/g;
const SOURCE = /`((?:functions|scripts|tests|web|sdk|supabase)\/[\w./-]+)`/g;

describe('the documentation', () => {
  let catalogue: Set<string>;

  beforeAll(async () => {
    const { rows } = await pool().query<{ name: string }>(
      `select format('%s.%s', n.nspname, o.name) as name
       from pg_namespace n
       join (
         select relnamespace as schema, relname as name from pg_class
         union all
         select pronamespace, proname from pg_proc
       ) o on o.schema = n.oid
       where n.nspname = any ($1)`,
      [schemaNames],
    );
    // The client of the SDK has the name of the schema in its examples.
    const calls = Object.keys(createStepbase({ url: 'http://127.0.0.1:1', apiKey: 'sbk_none' }));
    catalogue = new Set([
      ...rows.map(({ name }) => name),
      ...calls.map((name) => `stepbase.${name}`),
    ]);
  });

  test.each(PAGES)('%s refers to SQL objects that exist', (page) => {
    // A column is written as table.column, so a name of three parts is not looked up.
    expect(named(page, SQL_NAME).filter((name) => !catalogue.has(name))).toEqual([]);
  });

  test.each(PAGES)('%s refers to migrations that exist', (page) => {
    const migrations = globSync('*.sql', { cwd: join(ROOT, 'supabase', 'migrations') });
    const missing = named(page, MIGRATION).filter(
      (name) => !migrations.some((file) => file.endsWith(name)),
    );
    expect(missing).toEqual([]);
  });

  test.each(PAGES)('%s refers to files that exist', (page) => {
    const missing = named(page, SOURCE).filter(
      (path) =>
        !existsSync(join(ROOT, path)) &&
        // Built, not committed.
        path !== 'web/dist',
    );
    expect(missing).toEqual([]);
  });
});
