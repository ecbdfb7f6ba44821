// DATABASE_URL: the server crashes and restarts while the stack is running, with requests in flight.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';
import { findFreePorts } from '../../scripts/stack/ports.ts';
import { clusterFolder, startCluster } from '../../scripts/stack/postgres/cluster.ts';
import { signedIn, waitFor } from '../support/stack.ts';
import { dataDir, ready, startOn } from './support.ts';

/** More requests than the Data API has connections. */
const REQUESTS = 30;

test('the stack survives a crash of the server, and its Data API responds again', async () => {
  const [serverFolder, folder] = [await dataDir(), await dataDir()];
  const port = await findFreePorts();
  const open = () =>
    startCluster({ dataDir: serverFolder, port, superuserPassword: 'of the server' });
  let server = await open();
  const blocker = new pg.Client({ connectionString: server.adminUrl('postgres') });
  blocker.on('error', () => undefined);
  try {
    const stack = startOn(
      server.adminUrl('postgres'),
      '--port',
      String(await findFreePorts()),
      '--data',
      folder,
    );
    const person = await signedIn('admin@globex', await ready(stack, folder));
    const update = () =>
      person.from('workflows').update({ description: 'once' }).eq('kebab_name', 'none');
    await blocker.connect();
    await blocker.query('begin');
    await blocker.query('lock table stepbase.workflows in access exclusive mode');
    const lost = Array.from({ length: REQUESTS }, () => update().then((answer) => answer));
    await waitFor('requests wait for the lock', async () => {
      const { rows } = await blocker.query<{ waiting: number }>(
        `select count(*)::int as waiting from pg_catalog.pg_locks l
         where not l.granted and l.relation = 'stepbase.workflows'::regclass`,
      );
      return (rows[0]?.waiting ?? 0) >= 20;
    });

    const pidFile = await readFile(join(clusterFolder(serverFolder), 'postmaster.pid'), 'utf8');
    process.kill(Number(pidFile.split('\n')[0]), 'SIGQUIT');
    await server.exited;
    server = await open();
    await waitFor('a request succeeds', async () => (await update()).error === null);
    await Promise.all(lost);

    stack.kill('SIGINT');
    expect(await stack.exit).toMatchObject({ code: 0 });
  } finally {
    await blocker.end().catch(() => undefined);
    await server.stop();
  }
});
