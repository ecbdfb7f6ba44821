// docs/internals/requirements/documents.md refers only to objects that exist in a migrated database.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { SCHEMAS } from '../../scripts/database/schemas.ts';
import { ROOT } from '../../scripts/stack/options.ts';
import { pool } from '../support/stack.ts';

const page = readFileSync(join(ROOT, 'docs', 'internals', 'requirements', 'documents.md'), 'utf8');
const OURS: string[] = [SCHEMAS.exposed, SCHEMAS.engine, SCHEMAS.private];

interface Home {
  section: string;
  asked: string;
  name: string;
}

/** The names in the middle column of the tables below the headings of the documents. */
function homes(): Home[] {
  const found: Home[] = [];
  let source = '';
  let section = '';
  for (const line of page.split('\n')) {
    if (line.startsWith('## ')) source = line.slice(3);
    if (line.startsWith('### ')) section = line.slice(4);
    if (!source.startsWith('Document') || !line.startsWith('|') || line.startsWith('| ---'))
      continue;
    const [asked = '', home = ''] = line.slice(2).split(' | ');
    if (asked === 'Document') continue;
    const names = [...home.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
    // A cell without a name of this schema names another product that owns the item.
    for (const name of names.length > 0 ? names : [home.trim()]) {
      found.push({ section: `${source} / ${section}`, asked, name });
    }
  }
  return found;
}

const CATALOGUE = `
  with ours as (
    select c.oid, n.nspname as schema, c.relname as name, c.relkind
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any ($1)
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
  where n.nspname = any ($1)`;

describe('docs/internals/requirements/documents.md', () => {
  const named = homes();
  let catalogue: Set<string>;

  beforeAll(async () => {
    const { rows } = await pool().query<{ name: string }>(CATALOGUE, [OURS]);
    catalogue = new Set(rows.map(({ name }) => name));
  });

  test('lists the requirements of the five documents', () => {
    for (const source of ['000', '001', '002', '003', '004']) {
      const rows = named.filter(({ section }) => section.startsWith(`Document ${source}`));
      expect(rows.length, `document ${source}`).toBeGreaterThan(20);
    }
  });

  test('refers only to objects that exist', () => {
    const elsewhere = ['*Supabase Auth*', '*pg-boss*'];
    const unknown = named.filter(({ name }) => {
      if (elsewhere.includes(name)) return false;
      const isQualified = OURS.some((schema) => name.startsWith(`${schema}.`));
      return !catalogue.has(isQualified ? name : `${SCHEMAS.exposed}.${name}`);
    });
    expect(unknown).toEqual([]);
  });
});
