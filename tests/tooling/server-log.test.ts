// The scan of the server logs finds a real deadlock after its server and data directory are gone, and reports no other
// error.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KEEP_LOGS } from '../../scripts/stack/keep-logs.ts';
import { findFreePorts } from '../../scripts/stack/ports.ts';
import { type Cluster, startCluster } from '../../scripts/stack/postgres/cluster.ts';
import {
  findDeadlocks,
  keepServerLogs,
  requireNoDeadlocks,
} from '../../scripts/test/server-log.ts';

const ofTheRun = process.env[KEEP_LOGS];
let logs: string;
let dataDir: string;

// A folder of its own: the scan of the whole run does not see the deadlock that this file provokes.
beforeEach(async () => {
  logs = keepServerLogs();
  dataDir = await mkdtemp(join(tmpdir(), 'stepbase-server-log-'));
});
afterEach(async () => {
  if (ofTheRun === undefined) delete process.env[KEEP_LOGS];
  else process.env[KEEP_LOGS] = ofTheRun;
  await rm(dataDir, { recursive: true, force: true });
  await rm(logs, { recursive: true, force: true });
});

async function onServer(work: (one: pg.Client, two: pg.Client) => Promise<void>): Promise<void> {
  const server: Cluster = await startCluster({
    dataDir,
    port: await findFreePorts(),
    superuserPassword: 'x',
    settings: ["deadlock_timeout = '10ms'"],
  });
  const clients = [1, 2].map(
    () =>
      new pg.Client({ connectionString: server.adminUrl('postgres'), statement_timeout: 10_000 }),
  );
  try {
    for (const client of clients) await client.connect();
    const [one, two] = clients;
    if (one && two) await work(one, two);
  } finally {
    for (const client of clients) await client.end();
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

test('a deadlock is found with both statements, although the data directory is gone', async () => {
  await onServer(async (one, two) => {
    await one.query('create table t (id int primary key, n int default 0)');
    await one.query('insert into t values (1), (2)');
    await one.query('begin');
    await two.query('begin');
    await one.query('update t set n = 1 where id = 1');
    await two.query('update t set n = 2 where id = 2');
    const answers = await Promise.allSettled([
      one.query('update t set n = 1 where id = 2'),
      two.query('update t set n = 2 where id = 1'),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });
  const [deadlock, ...more] = await findDeadlocks(logs);
  expect(more).toEqual([]);
  expect(deadlock).toContain('update t set n = 1 where id = 2');
  expect(deadlock).toContain('update t set n = 2 where id = 1');
  await expect(requireNoDeadlocks(logs)).rejects.toThrow('PostgreSQL reported deadlocks');
});

test('a simulated error with the same code and statements that contain the words are not reported', async () => {
  await onServer(async (one) => {
    const raise =
      "do $$ begin raise exception using errcode = '40P01', message = 'simulated'; end $$";
    await expect(one.query(raise)).rejects.toThrow('simulated');
    await expect(one.query('select 1 / 0 as "ERROR deadlock detected"')).rejects.toThrow('zero');
  });
  expect(await findDeadlocks(logs)).toEqual([]);
});

test('a test run without logs is refused, because the scan would prove nothing', async () => {
  await expect(findDeadlocks(logs)).rejects.toThrow('no server log was kept');
});
