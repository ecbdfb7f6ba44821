// Prepared statements of the functions: prepared once on a direct connection, again after a migration has changed
// their result type, and never through a pooler.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Db, openDb } from '../../functions/_shared/db/pool.ts';
import { freshDatabase } from '../support/stack.ts';

let url: string;
const opened: Db[] = [];

beforeAll(async () => {
  ({ url } = await freshDatabase({ empty: true }));
});
afterAll(async () => {
  for (const db of opened) await db.close();
});

function open(direct: boolean): Db {
  const db = openDb({ connectionString: url, max: 1, applicationName: 'test', direct });
  opened.push(db);
  return db;
}

async function prepared(db: Db, text: string): Promise<number> {
  const { rows } = await db.executeSql(
    'select count(*)::int as count from pg_catalog.pg_prepared_statements where statement = $1',
    [text],
  );
  return Number(rows[0]?.count);
}

test('a statement is prepared once on a direct connection, and never through a pooler', async () => {
  const text = 'select $1::int + 1 as next';
  for (const [direct, count] of [
    [true, 1],
    [false, 0],
  ] as const) {
    const db = open(direct);
    expect(await db.query(text, [1])).toEqual([{ next: 2 }]);
    expect(await db.query(text, [2])).toEqual([{ next: 3 }]);
    expect(await prepared(db, text)).toBe(count);
  }
});

test('a statement whose result type was changed by a migration is prepared again', async () => {
  const db = open(true);
  const text = 'select * from public.answer()';
  await db.executeSql('create function public.answer() returns int language sql as $$ select 1 $$');
  expect(await db.query(text)).toEqual([{ answer: 1 }]);
  await db.executeSql(
    "drop function public.answer(); create function public.answer() returns text language sql as $$ select 'one' $$",
  );
  expect(await db.query(text)).toEqual([{ answer: 'one' }]);
  expect(await db.query(text)).toEqual([{ answer: 'one' }]);
  expect(await prepared(db, text)).toBeGreaterThan(0);
});

test('an error of the statement itself is thrown', async () => {
  await expect(open(true).query('select 1 / $1::int', [0])).rejects.toMatchObject({
    code: '22012',
  });
});
