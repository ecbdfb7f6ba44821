// Every table, SQL file and TypeScript file that the glossary names exists.

import { globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pool } from '../support/stack.ts';
import { exists, read } from './docs-pages.ts';

const MIGRATIONS = new URL('../../supabase/migrations/', import.meta.url);
const db = pool();

interface Entry {
  term: string;
  table: string | undefined;
  sql: string | undefined;
  typescript: string | undefined;
}

const nameIn = (cell: string | undefined) => /^`([^`]+)`$/.exec(cell ?? '')?.[1];

const entries: Entry[] = read('docs/concepts/glossary.md')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| term '))
  .map((line) => {
    const [term = '', , table, sql, typescript] = line.slice(2, -2).split(' | ');
    return { term, table: nameIn(table), sql: nameIn(sql), typescript: nameIn(typescript) };
  });

describe('the glossary', () => {
  it('has one line for each term', () => {
    const terms = entries.map(({ term }) => term);
    expect(terms.length).toBeGreaterThan(50);
    expect(terms).toEqual([...new Set(terms)]);
  });

  it.each(entries)('$term: its table and files exist', async ({ table, sql, typescript }) => {
    expect(table ?? sql ?? typescript, 'a place in the code').toBeDefined();
    if (table !== undefined) {
      const { rows } = await db.query('select to_regclass($1) is not null as found', [table]);
      expect(rows, table).toEqual([{ found: true }]);
    }
    if (sql !== undefined) {
      expect(globSync(sql, { cwd: MIGRATIONS }), sql).toHaveLength(1);
    }
    if (typescript !== undefined) {
      expect(exists(typescript), typescript).toBe(true);
    }
  });
});
