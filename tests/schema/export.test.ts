// `npm run export`: one file of JSON lines for each table, with every row of the application as it is stored.

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exportApplication } from '../../scripts/export/export.ts';
import { type FreshDatabase, freshDatabase, pool } from '../support/stack.ts';

const BIG = '12345678901234567890.000000000001';

let folder: string;
let database: FreshDatabase;
let db: pg.Pool;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stepbase-export-'));
  database = await freshDatabase({ seed: true });
  db = pool(database.url);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('writes every row of every table once, with exact numbers and without hashes of keys', async () => {
  await db.query(
    `update stepbase.runs set metadata = jsonb_build_object('amount', ${BIG}) where app_code = 'acme'`,
  );
  await db.query(
    `with made as (
       insert into stepbase.api_keys (app_code, name, prefix, scopes)
       values ('acme', 'exported', 'sbk_x', '{run:read}') returning id, app_code
     )
     insert into stepbase_private.api_key_hashes (api_key_id, app_code, key_hash)
     select m.id, m.app_code, repeat('ab', 32) from made m`,
  );
  const out = join(folder, 'acme');
  const counts = await exportApplication(database.url, 'acme', out);
  expect((await readdir(out)).sort()).toEqual(Object.keys(counts).map((name) => `${name}.jsonl`));
  for (const [table, count] of Object.entries(counts)) {
    const { rows } = await db.query<{ count: number }>(
      `select count(*)::int as count from stepbase.${table} where app_code = 'acme'`,
    );
    const text = await readFile(join(out, `${table}.jsonl`), 'utf8');
    const lines = text.split('\n').slice(0, -1);
    expect([table, count, lines.length]).toEqual([table, rows[0]?.count, rows[0]?.count]);
    expect(new Set(lines).size).toBe(lines.length);
    expect(text).not.toContain('ab'.repeat(32));
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty('app_code', 'acme');
    if (table === 'runs') expect(text.split(BIG)).toHaveLength(count + 1);
  }
  expect(counts).toMatchObject({ applications: 1, api_keys: 1 });
});

test('refuses a directory with files, and an unknown application', async () => {
  await expect(exportApplication(database.url, 'acme', join(folder, 'acme'))).rejects.toThrow(
    'is not empty',
  );
  await expect(exportApplication(database.url, 'none', join(folder, 'none'))).rejects.toThrow(
    'the application none does not exist',
  );
});
