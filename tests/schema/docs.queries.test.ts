// The queries of docs/guides/query-with-sql.md: each runs on the sample data in a session that only reads.

import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stackInfo } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { blocks, read } from '../tooling/docs-pages.ts';

const PAGE = 'docs/guides/query-with-sql.md';
const queries = blocks(read(PAGE), 'sql');

let client: pg.Client;
beforeAll(async () => {
  client = new pg.Client({
    connectionString: stackInfo().db_url,
    options: '-c default_transaction_read_only=on',
    statement_timeout: scaled(20_000),
  });
  await client.connect();
});
afterAll(() => client?.end());

test('every query of the page runs, in a session that only reads', async () => {
  expect(queries.length).toBeGreaterThan(5);
  for (const query of queries) {
    const { command, fields } = await client.query(query);
    expect(command, query).toBe('SELECT');
    expect(fields.length, query).toBeGreaterThan(3);
    // Each is about one application.
    expect(query).toMatch(/\b\w\.app_code = 'acme'/);
  }
  const [failures = ''] = queries;
  const { rows } = await client.query<{ runs: string }>(
    failures.replace("'7 days'", "'100 years'"),
  );
  expect(rows.length).toBeGreaterThan(0);
});

test('the role of the page reads tables of the schema, and changes and secrets are refused', async () => {
  const [role = ''] = blocks(read(PAGE), 'text');
  const admin = new pg.Client({ connectionString: stackInfo().db_url });
  await admin.connect();
  try {
    await admin.query('begin');
    await admin.query(role.replace('<password>', 'only in this transaction'));
    await admin.query('grant stepbase_reports to current_user');
    await admin.query('set local role stepbase_reports');
    const { rows } = await admin.query<{ count: string }>('select count(*) from stepbase.runs');
    expect(Number(rows[0]?.count)).toBeGreaterThan(0);
    for (const refused of [
      "update stepbase.runs set priority = 1 where app_code = 'acme'",
      'select 1 from stepbase_private.secrets',
      'select 1 from stepbase_engine.outbox',
    ]) {
      await admin.query('savepoint s');
      await expect(admin.query(refused), refused).rejects.toMatchObject({ code: '42501' });
      await admin.query('rollback to savepoint s');
    }
  } finally {
    await admin.query('rollback');
    await admin.end();
  }
});
