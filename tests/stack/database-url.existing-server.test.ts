// DATABASE_URL: the stack on an existing PostgreSQL server, and the errors for servers that it cannot use.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findFreePorts } from '../../scripts/stack/ports.ts';
import { type Cluster, startCluster } from '../../scripts/stack/postgres/cluster.ts';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import { type StackClient, signedIn, waitFor } from '../support/stack.ts';

let folder: string;
let server: Cluster;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stepbase-server-'));
  const port = await findFreePorts();
  server = await startCluster({ dataDir: folder, port, superuserPassword: 'of the server' });
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const start = (databaseUrl: string, say?: (message: string) => void) =>
  startThrowawayStack({ databaseUrl, functions: false, web: false }, say);

test('the server is bootstrapped, migrated and seeded, and keeps running after the stack', async () => {
  const stack = await start(server.adminUrl('postgres'));
  try {
    const person = await signedIn('admin@globex', stack.info);
    const { data, error } = await person.from('workflows').select('app_code');
    expect(error).toBeNull();
    expect(data?.length).toBeGreaterThan(0);
    // The password of the service role is not the well-known one of the embedded server.
    expect(new URL(stack.info.db_url).password).not.toBe('postgres');
  } finally {
    await stack.stop();
  }
  const client = new pg.Client({ connectionString: server.adminUrl('postgres') });
  await client.connect();
  const { rows } = await client.query<{ super: boolean }>(
    "select rolsuper as super from pg_roles where rolname = 'postgres'",
  );
  await client.end();
  expect(rows).toEqual([{ super: false }]);
});

test('a second start finds the data of the first', async () => {
  const stack = await start(server.adminUrl('postgres'));
  await stack.stop();
});

/** What a service of the stack does while another client holds the lock of a table. */
const WAITS = [
  {
    service: 'the Data API',
    table: 'stepbase.workflows',
    wait: (_: Stack, person: StackClient) =>
      person
        .from('workflows')
        .update({ description: 'waits' })
        .eq('kebab_name', 'order-confirmation')
        .then(({ error }) => error),
  },
  {
    service: 'Auth',
    table: 'auth.users',
    wait: (_: Stack, person: StackClient) =>
      person.auth.updateUser({ data: { waits: true } }).then(({ error }) => error),
  },
  {
    service: 'Realtime',
    table: 'realtime.subscription',
    wait: (_: Stack, person: StackClient) =>
      new Promise((resolve) => {
        person
          .channel('rows')
          .on('postgres_changes', { event: '*', schema: 'stepbase', table: 'runs' }, () => {})
          .subscribe((status, error) => {
            if (status !== 'SUBSCRIBED') resolve(error ?? status);
          });
      }),
  },
  {
    service: 'the maintenance',
    table: 'stepbase.workflows',
    wait: (stack: Stack) => stack.cron.tick().then(() => 'ended'),
  },
];

test.each(WAITS)('the stack stops although $service waits for a lock', async ({ table, wait }) => {
  const said: string[] = [];
  const stack = await start(server.adminUrl('postgres'), (message) => said.push(message));
  const blocker = new pg.Client({ connectionString: server.adminUrl('postgres') });
  await blocker.connect();
  const waiters = async () => {
    const { rows } = await blocker.query<{ waiters: number }>(
      `select count(*)::int as waiters from pg_catalog.pg_locks l
       where not l.granted and l.relation = $1::regclass`,
      [table],
    );
    return rows[0]?.waiters;
  };
  const person = await signedIn('admin@globex', stack.info);
  try {
    // The first maintenance is over, so the one that waits is the test's.
    await stack.cron.tick();
    await blocker.query('begin');
    await blocker.query(`lock table ${table} in access exclusive mode`);
    const waiting = wait(stack, person);
    await waitFor('it waits for the lock', waiters);
    await stack.stop();
    expect(said).toEqual([]);
    // No statement stays behind on the server.
    await waitFor('the statement ends', async () => (await waiters()) === 0);
    expect(await waiting).toBeTruthy();
  } finally {
    await blocker.end();
    await stack.stop();
    await person.realtime.disconnect();
  }
});

test('a login without superuser rights and an unreachable server are reported in one line', async () => {
  const weak = new URL(server.adminUrl('postgres'));
  const client = new pg.Client({ connectionString: weak.href });
  await client.connect();
  await client.query("create role weak login password 'weak'");
  await client.end();
  weak.username = 'weak';
  weak.password = 'weak';
  await expect(start(weak.href)).rejects.toThrow('must log in as a superuser');
  await expect(start('postgres://postgres@127.0.0.1:9/postgres')).rejects.toThrow(
    'DATABASE_URL: cannot connect to 127.0.0.1:9',
  );
});

test('the server can be shut down cleanly while the stack is still running', async () => {
  const stack = await start(server.adminUrl('postgres'));
  try {
    await server.stop();
    expect(await server.exited).toMatchObject({ code: 0 });
  } finally {
    await stack.stop();
  }
});
