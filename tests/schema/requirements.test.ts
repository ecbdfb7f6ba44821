// docs/schema.md names real things only: every home in its tables exists, and its diagrams are current.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { diagrams, withDiagrams } from '../../scripts/database/diagrams.ts';
import { ROOT } from '../../scripts/stack/options.ts';
import { pool, stackInfo } from '../support/stack.ts';

const page = readFileSync(join(ROOT, 'docs', 'schema.md'), 'utf8');

interface Home {
  section: string;
  asked: string;
  name: string;
}

/** The names in the middle column of the tables below the headings of the seeds. */
function homes(): Home[] {
  const found: Home[] = [];
  let seed = '';
  let section = '';
  for (const line of page.split('\n')) {
    if (line.startsWith('## ')) seed = line.slice(3);
    if (line.startsWith('### ')) section = line.slice(4);
    if (!seed.startsWith('Seed') || !line.startsWith('|') || line.startsWith('| ---')) continue;
    const [asked = '', home = ''] = line.slice(2).split(' | ');
    if (asked === 'In the seed') continue;
    const names = [...home.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
    // Without a name of ours the whole cell is the answer: somebody else owns it.
    for (const name of names.length > 0 ? names : [home.trim()]) {
      found.push({ section: `${seed} / ${section}`, asked, name });
    }
  }
  return found;
}

const CATALOGUE = `
  with ours as (
    select c.oid, n.nspname as schema, c.relname as name, c.relkind
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('stepbase', 'stepbase_private', 'stepbase_engine')
  )
  select schema || '.' || name as name from ours where relkind in ('r', 'p', 'v', 'm', 'i', 'I')
  union all
  select o.schema || '.' || o.name || '.' || a.attname from ours o
  join pg_attribute a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped
  where o.relkind in ('r', 'p', 'v', 'm')
  union all
  select o.schema || '.' || c.conname from pg_constraint c join ours o on o.oid = c.conrelid
  union all
  select o.schema || '.' || t.tgname from pg_trigger t join ours o on o.oid = t.tgrelid
  where not t.tgisinternal
  union all
  select n.nspname || '.' || p.proname || '()' from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
  where n.nspname in ('stepbase', 'stepbase_private', 'stepbase_engine')`;

describe('docs/schema.md', () => {
  const named = homes();
  let catalogue: Set<string>;

  beforeAll(async () => {
    const { rows } = await pool().query<{ name: string }>(CATALOGUE);
    catalogue = new Set(rows.map(({ name }) => name));
  });

  test('lists what the five seeds ask for', () => {
    for (const seed of ['000', '001', '002', '003', '004']) {
      const rows = named.filter(({ section }) => section.startsWith(`Seed ${seed}`));
      expect(rows.length, `seed ${seed}`).toBeGreaterThan(20);
    }
  });

  test('names only tables, columns, indexes, constraints, triggers and functions that exist', () => {
    const elsewhere = ['*Supabase Auth*', '*pg-boss*'];
    const unknown = named.filter(({ name }) => {
      if (elsewhere.includes(name)) return false;
      const qualified = /^(private|engine)\./.test(name) ? name : `public.${name}`;
      return !catalogue.has(qualified);
    });
    expect(unknown).toEqual([]);
  });

  test('shows the diagrams of the database as it is', async () => {
    expect(withDiagrams(page, await diagrams(stackInfo().db_url))).toBe(page);
  });
});
