// The limits of the functions' statements: the server enforces them for every role, directly and through a pooler.
// And what happens when the password of the role changes.

import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../functions/_shared/clock/clock.ts';
import { type Db, openDb } from '../../functions/_shared/db/pool.ts';
import { retry } from '../../functions/_shared/db/retry.ts';
import { asRole } from '../../scripts/stack/postgres/connection.ts';
import { hasPgBouncer, startPgBouncer } from '../support/pgbouncer.ts';
import { freshDatabase } from '../support/stack.ts';
import { startTransactionPooler } from '../support/transaction-pooler.ts';

const OWN_MS = 1_000;

let admin: pg.Pool;
let url: string;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  ({ url } = await freshDatabase({ empty: true }));
  admin = new pg.Pool({ connectionString: url, max: 2 });
  ends.push(() => admin.end());
});
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

/** A role of this test that logs in; returns its name and its address of the database. */
async function login(): Promise<{ name: string; url: string }> {
  const name = `limits_${randomUUID().slice(0, 8)}`;
  await admin.query(`create role ${name} login password 'first'`);
  ends.push(() => admin.query(`drop role ${name}`));
  return { name, url: asRole(url, name, 'first') };
}

function open(connectionString: string, direct: boolean): Db {
  const db = openDb({
    ...{ connectionString, direct, max: 2, applicationName: 'limits' },
    statementTimeoutMs: OWN_MS,
  });
  ends.push(() => db.close());
  return db;
}

const sleep = (db: Db, seconds: number) => db.query('select pg_sleep($1)', [seconds]);

const POOLERS = {
  'the minimal pooler': startTransactionPooler,
  ...(hasPgBouncer ? { PgBouncer: startPgBouncer } : {}),
};

/** The database of a role, on every way that a function may take. */
async function everyWay(address: string, check: (db: Db) => Promise<void>): Promise<void> {
  await check(open(address, true));
  for (const start of Object.values(POOLERS)) {
    const pooler = await start(address);
    ends.push(() => pooler.stop());
    await check(open(pooler.url, false));
  }
}

describe('the server cancels a statement', () => {
  test('of a role without a limit, with the limit of the functions', async () => {
    const role = await login();
    await everyWay(role.url, async (db) => {
      await expect(sleep(db, 30)).rejects.toMatchObject({ code: '57014' });
      await expect(db.executeSql('select 1; select pg_sleep(30)')).rejects.toMatchObject({
        code: '57014',
      });
      await expect(db.executeSql('select pg_sleep($1)', [30])).rejects.toMatchObject({
        code: '57014',
      });
      await expect(
        db.transaction((query) => query('select pg_sleep($1)', [30])),
      ).rejects.toMatchObject({ code: '57014' });
      expect(await db.query('select 1 as one')).toEqual([{ one: 1 }]);
      const { rows } = await admin.query(
        `select query from pg_stat_activity where usename = $1 and state = 'active'`,
        [role.name],
      );
      expect(rows).toEqual([]);
    });
  });

  test('with the limit that an operator gave the role, shorter or longer', async () => {
    const [short, long] = [await login(), await login()];
    await admin.query(`alter role ${short.name} set statement_timeout = '${OWN_MS - 300}ms'`);
    await admin.query(`alter role ${long.name} set statement_timeout = '${OWN_MS * 100}ms'`);
    await everyWay(short.url, async (db) => {
      const [row] = await db.query<{ limit: string }>(
        `select current_setting('statement_timeout') as limit`,
      );
      expect(row?.limit).toBe(`${OWN_MS - 300}ms`);
      await expect(sleep(db, 30)).rejects.toMatchObject({ code: '57014' });
    });
    await everyWay(long.url, async (db) => {
      expect(await sleep(db, (OWN_MS * 1.5) / 1_000)).toHaveLength(1);
    });
  });

  test('with the limit of the functions if that of the whole server is longer', async () => {
    const role = await login();
    const name = new URL(url).pathname.slice(1);
    await admin.query(`alter database "${name}" set statement_timeout = '${OWN_MS * 100}ms'`);
    await everyWay(role.url, async (db) => {
      await expect(sleep(db, 30)).rejects.toMatchObject({ code: '57014' });
    });
    await admin.query(`alter database "${name}" reset statement_timeout`);
  });
});

test('a refused password is tried again, because it may be being changed', async () => {
  const role = await login();
  const db = open(role.url, true);
  await db.query('select 1');
  await admin.query(`alter role ${role.name} password 'second'`);
  await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [
    role.name,
  ]);
  const refusals: unknown[] = [];
  const rows = await retry(() => db.query('select 1 as one'), {
    clock: systemClock,
    onRetry(error) {
      refusals.push((error as { code?: string }).code);
      if (refusals.includes('28P01')) void admin.query(`alter role ${role.name} password 'first'`);
    },
  });
  expect(rows).toEqual([{ one: 1 }]);
  expect(refusals).toContain('28P01');
});
