// The seals of the audit log: what maintenance seals beside open transactions, and what a verification finds.

import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { freshDatabase, pool, waitFor } from '../support/stack.ts';
import { scaled } from '../support/time.ts';

interface Seal {
  seq: number;
  hash: string;
  row_count: number;
  months: Record<string, { rows: number; hash: string }>;
  dropped_month: string | null;
}

let db: pg.Pool;
/** Each test has an application of its own. */
let app: string;

beforeAll(async () => {
  db = pool((await freshDatabase({ seed: true })).url);
});
beforeEach(async () => {
  app = `sealed-${randomUUID().slice(0, 8)}`;
  await db.query(
    `insert into stepbase.applications (app_code, organization_id, name)
     select $1, organization_id, $1 from stepbase.applications where app_code = 'acme'`,
    [app],
  );
});

const change = (by: Pick<pg.ClientBase, 'query'>, name: string) =>
  by.query('insert into stepbase.projects (app_code, name) values ($1, $2)', [app, name]);

async function one<T>(statement: string, values: unknown[] = [app]): Promise<T> {
  const { rows } = await db.query<{ value: T }>(statement, values);
  return rows[0]?.value as T;
}

const unsealed = () =>
  one<number>(
    `select count(*)::int as value from stepbase.audit_log l
     where l.app_code = $1 and not exists (
       select 1 from stepbase.audit_seals s
       where s.app_code = l.app_code and s.system_identifier = l.system_identifier
         and (s.last_xid, s.last_id) >= (l.xid, l.id)
     )`,
  );

/** Calls the maintenance until it has sealed all but so many rows: transactions of other tests delay it. */
const seal = (open = 0) =>
  waitFor(`${open} rows without a seal`, async () => {
    await db.query('select stepbase_engine.seal_audit_log()');
    return (await unsealed()) === open;
  });

async function seals(): Promise<Seal[]> {
  const { rows } = await db.query<Seal>(
    'select seq::int, hash, row_count::int, months, dropped_month from stepbase.audit_seals where app_code = $1 order by seq',
    [app],
  );
  return rows;
}

const verify = (anchor: Pick<Seal, 'seq' | 'hash'> | null = null, from = 1, limit = 50_000) =>
  one<Record<string, unknown>>('select stepbase_engine.verify_audit_log($1, $2, $3, $4) as value', [
    app,
    anchor && JSON.stringify(anchor),
    from,
    limit,
  ]);

const APPEND_ONLY = ['audit_log', 'audit_seals'];

/** Runs statements with the rights of the owner, who can disable the triggers. */
async function tamper(...statements: string[]): Promise<void> {
  const switched = (how: 'enable' | 'disable') =>
    APPEND_ONLY.map((name) => `alter table stepbase.${name} ${how} trigger ${name}_append_only`);
  const client = await db.connect();
  try {
    await client.query('begin');
    for (const statement of switched('disable')) await client.query(statement);
    for (const statement of statements) await client.query(statement, [app]);
    for (const statement of switched('enable')) await client.query(statement);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

test('seals the rows of a long transaction after its end, and no row is ever skipped', async () => {
  await seal();
  const long = await db.connect();
  try {
    await long.query('begin');
    await change(long, 'early');
    await change(db, 'later');
    // The row of the later transaction is committed. It waits, because an earlier one may still write.
    await seal(1);
    const before = await seals();
    await change(db, 'latest');
    await seal(2);
    expect(await seals()).toEqual(before);
    await long.query('commit');
  } finally {
    long.release();
  }
  await seal();
  const total = await one<number>(
    'select count(*)::int as value from stepbase.audit_log where app_code = $1',
  );
  const sealed = await seals();
  expect(sealed.map(({ seq }) => seq)).toEqual(sealed.map((_, index) => index + 1));
  expect(sealed.reduce((sum, { row_count }) => sum + row_count, 0)).toBe(total);
  expect(await verify()).toMatchObject({ verified: true, rows: total, problem: null });
});

test('writers do not wait for the maintenance that seals', async () => {
  const maintenance = await db.connect();
  try {
    await maintenance.query('begin');
    await maintenance.query('select stepbase_engine.seal_audit_log()');
    const writer = await db.connect();
    try {
      await writer.query("set lock_timeout = '1ms'");
      await change(writer, 'beside');
      expect(await one('select stepbase_engine.seal_audit_log() as value', [])).toEqual({
        skipped: true,
      });
    } finally {
      await writer.query('reset lock_timeout');
      writer.release();
    }
  } finally {
    await maintenance.query('commit');
    maintenance.release();
  }
  await seal();
  expect(await verify()).toMatchObject({ verified: true });
});

test('seals a bounded number of rows in a call, also within one transaction', async () => {
  await db.query(
    `insert into stepbase.projects (app_code, name)
     select $1, 'many ' || n from generate_series(1, 10) n`,
    [app],
  );
  await waitFor('every row is sealed', async () => {
    await db.query("select stepbase_engine.seal_audit_log(null, 3, '1 minute')");
    return (await unsealed()) === 0;
  });
  const sealed = await seals();
  expect(Math.max(...sealed.map(({ row_count }) => row_count))).toBeLessThanOrEqual(3);
  // A verification stops after its number of rows and goes on from there.
  const first = await verify(null, 1, 1);
  expect(first).toMatchObject({ verified: true, seals: 1, next_seq: 2 });
  expect(await verify(null, 2)).toMatchObject({
    verified: true,
    seals: sealed.length - 1,
    next_seq: null,
  });
});

test.each([
  ['changed', `update stepbase.audit_log set actor_role = 'x' where app_code = $1`],
  ['deleted', 'delete from stepbase.audit_log where app_code = $1'],
  [
    'added',
    // Its id puts it in front of the first row, so that it is in the range of the first seal.
    `insert into stepbase.audit_log (id, app_code, table_name, row_id, operation, actor_role, new_row, xid)
     select '00000000-0000-7000-8000-000000000001', app_code, table_name, row_id, operation, actor_role, '{}', xid
     from stepbase.audit_log where app_code = $1 order by xid limit 1`,
  ],
])('finds rows that were %s behind a seal', async (_what, statement) => {
  await change(db, 'before');
  await seal();
  expect(await verify()).toMatchObject({ verified: true });
  await tamper(statement);
  expect(await verify()).toMatchObject({
    verified: false,
    problem: { code: 'rows_changed', seq: 1, months: [expect.stringMatching(/^\d{4}-\d\d$/)] },
  });
});

test('finds seals that were changed, removed, or replaced while later seals stayed', async () => {
  await seal();
  await change(db, 'second');
  await seal();
  await change(db, 'third');
  await seal();
  await tamper(`update stepbase.audit_seals set row_count = 9 where app_code = $1 and seq = 2`);
  expect(await verify()).toMatchObject({
    verified: false,
    problem: { code: 'seal_changed', seq: 2 },
  });
  await tamper(
    `update stepbase.audit_seals s set hash = stepbase_engine.audit_seal_hash(s) where s.app_code = $1 and s.seq = 2`,
  );
  expect(await verify()).toMatchObject({
    verified: false,
    problem: { code: 'chain_broken', seq: 3 },
  });
  await tamper('delete from stepbase.audit_seals where app_code = $1 and seq = 2');
  expect(await verify()).toMatchObject({
    verified: false,
    problem: { code: 'seal_missing', seq: 2 },
  });
  expect(await verify(null, 3)).toMatchObject({
    verified: false,
    problem: { code: 'seal_missing' },
  });
});

test('finds rows that were rewritten with their seals against an exported anchor only', async () => {
  await change(db, 'before');
  await seal();
  const anchor = (await seals()).at(-1) as Seal;
  expect(await verify(anchor)).toMatchObject({ verified: true });
  await tamper(
    `update stepbase.audit_log set actor_role = 'x' where app_code = $1`,
    'delete from stepbase.audit_seals where app_code = $1',
  );
  expect(await verify(anchor)).toMatchObject({ problem: { code: 'anchor_missing' } });
  await seal();
  expect(await verify()).toMatchObject({ verified: true });
  expect(await verify({ ...anchor, seq: 1 })).toMatchObject({
    verified: false,
    problem: { code: 'anchor_differs', seq: 1 },
  });
});

/** Repeats the call while another session, such as an autovacuum, has the tables for more than 100 ms. */
async function changePartitions(call: string): Promise<void> {
  await vi.waitFor(() => db.query(call), { timeout: scaled(20_000), interval: 100 });
}

test('drops a month when its rows are sealed, and the chain stays verifiable', async () => {
  const old = '2020-02-10T00:00:00Z';
  await db.query('update stepbase.applications set audit_retention_days = 30');
  await db.query(
    `insert into stepbase.audit_log (app_code, table_name, row_id, operation, actor_role, new_row, created_at)
     values ($1, 't', '1', 'insert', 'x', '{}', $2)`,
    [app, old],
  );
  await changePartitions('select stepbase_engine.ensure_partitions()');
  const kept = () =>
    one<boolean>(
      "select to_regclass('stepbase_engine.audit_log_2020_02') is not null as value",
      [],
    );
  await changePartitions('select stepbase_engine.drop_partitions()');
  expect(await kept()).toBe(true);
  await seal();
  await changePartitions('select stepbase_engine.drop_partitions()');
  expect(await kept()).toBe(false);
  const sealed = await seals();
  expect(sealed.at(-1)).toMatchObject({ dropped_month: '2020-02', row_count: 1, months: {} });
  expect(sealed.at(-2)?.months).toMatchObject({ '2020-02': { rows: 1 } });
  expect(await verify()).toMatchObject({ verified: true, dropped_rows: 1 });
  // The rows of the other months of the same seal are still compared.
  await tamper(`update stepbase.audit_log set actor_role = 'x' where app_code = $1`);
  expect(await verify()).toMatchObject({ verified: false, problem: { code: 'rows_changed' } });
});

test('seals rows that a dump brought from another cluster, whose transaction ids are higher', async () => {
  await db.query(
    `insert into stepbase.audit_log (
       app_code, table_name, row_id, operation, actor_role, new_row, system_identifier, xid
     )
     values ($1, 't', '1', 'insert', 'x', '{}', '1', '900000000000')`,
    [app],
  );
  await seal();
  await change(db, 'after the restore');
  await seal();
  expect(await verify()).toMatchObject({ verified: true });
  await tamper(`delete from stepbase.audit_log where app_code = $1 and system_identifier = '1'`);
  expect(await verify()).toMatchObject({ verified: false, problem: { code: 'rows_changed' } });
});
