// Writes one file of JSON lines for each table of an application. All pages are read in one transaction, so that the
// tables agree with each other.

import { createWriteStream } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';

interface Page {
  /** JSON text, because JSON.parse would round numbers that a double cannot hold. */
  lines: string[];
  next: string | null;
}

const PAGE_SIZE = 1000;
const PAGE = `
  with found as (select stepbase_private.export_page($1, $2, $3::jsonb, $4) as page)
  select
    array(select r.value::text from jsonb_array_elements(f.page -> 'rows') r) as lines,
    nullif(f.page -> 'next', 'null')::text as next
  from found f`;

async function* lines(db: pg.Client, app: string, table: string, counts: Record<string, number>) {
  let after: string | null = null;
  let count = 0;
  do {
    const { rows } = await db.query<Page>(PAGE, [app, table, after, PAGE_SIZE]);
    const page: Page = rows[0] ?? { lines: [], next: null };
    count += page.lines.length;
    for (const line of page.lines) yield `${line}\n`;
    after = page.next;
  } while (after !== null);
  counts[table] = count;
}

/** Returns the number of rows of each table. */
export async function exportApplication(
  url: string,
  app: string,
  folder: string,
): Promise<Record<string, number>> {
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length > 0) throw new Error(`${folder} is not empty`);
  const db = new pg.Client({ connectionString: url });
  await db.connect();
  try {
    await db.query('begin transaction isolation level repeatable read read only');
    const known = await db.query('select from stepbase.applications where app_code = $1', [app]);
    if (known.rowCount === 0) throw new Error(`the application ${app} does not exist`);
    const { rows } = await db.query<{ table_name: string }>(
      'select table_name from stepbase_private.export_tables()',
    );
    const counts: Record<string, number> = {};
    for (const { table_name } of rows) {
      const file = createWriteStream(join(folder, `${table_name}.jsonl`), { flags: 'wx' });
      await pipeline(lines(db, app, table_name, counts), file);
    }
    return counts;
  } finally {
    await db.end();
  }
}
