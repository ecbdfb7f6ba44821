// The ground all contenders stand on: one embedded PostgreSQL as the stack starts it, and a database for
// each. The stack's services are not part of it: they run only while Stepbase is measured, so that
// a peer has both cores to itself.

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { createDatabase } from '../stack/databases.ts';
import { loadKeys, type StackKeys } from '../stack/keys.ts';
import { resolveOptions, type StackConfig } from '../stack/options.ts';
import { findFreePorts } from '../stack/ports.ts';
import { bootstrapCluster } from '../stack/postgres/bootstrap.ts';
import { clusterFolder, startCluster } from '../stack/postgres/cluster.ts';
import { onDatabase, withClient } from '../stack/postgres/connection.ts';

export interface BenchDatabase {
  name: string;
  /** As postgres. */
  url: string;
  /** As the superuser. */
  adminUrl: string;
}

export interface Ground {
  dataDir: string;
  config: StackConfig;
  keys: StackKeys;
  /** Migrated, and nothing in it. */
  migratedDatabase(): Promise<BenchDatabase>;
  emptyDatabase(name: string): Promise<BenchDatabase>;
  /**
   * What autovacuum and the checkpointer would have done a minute later: statistics of young tables
   * (sessions make their plans again), and what earlier work left to be written. Waits until what runs of
   * that has ended.
   */
  settle(database?: BenchDatabase): Promise<void>;
  /** What the server says of itself that matters for speed. */
  serverVersion(): Promise<string>;
  stop(): Promise<void>;
}

const VACUUM_MS = 60_000;

/** What autovacuum does in one contender's database is no cost of the next one. */
async function untilVacuumed(client: pg.Client): Promise<void> {
  const deadline = Date.now() + VACUUM_MS;
  for (;;) {
    // One that only looks whether there is something to do is gone in a moment.
    const { rows } = await client.query<{ busy: boolean }>(
      `select exists (
         select from pg_catalog.pg_stat_activity
         where backend_type = 'autovacuum worker' and query like 'autovacuum:%'
       ) as busy`,
    );
    if (!rows[0]?.busy) return;
    if (Date.now() > deadline) throw new Error('autovacuum does not come to an end');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function layGround(settings: readonly string[] = []): Promise<Ground> {
  const ends: (() => Promise<unknown>)[] = [];
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= (async () => {
      for (const end of ends.reverse()) await end();
    })();
    return stopping;
  };
  try {
    const dataDir = await mkdtemp(join(tmpdir(), 'stepbase-bench-'));
    ends.push(async () => {
      await rm(clusterFolder(dataDir), { recursive: true, force: true });
      await rm(dataDir, { recursive: true, force: true });
    });
    await mkdir(join(dataDir, 'logs'), { recursive: true });
    const config = resolveOptions({ port: await findFreePorts(), dataDir, logLevel: 'error' });
    const keys = await loadKeys(dataDir);
    const cluster = await startCluster({
      dataDir,
      port: config.ports.postgres,
      superuserPassword: keys.servicePassword,
      settings,
    });
    ends.push(() => cluster.stop());
    const adminUrl = cluster.adminUrl('postgres');
    const passwords = { postgres: 'postgres', service: keys.servicePassword };
    await bootstrapCluster(adminUrl, passwords, true);
    const dbUrl = `postgres://postgres:postgres@127.0.0.1:${config.ports.postgres}/postgres`;

    return {
      dataDir,
      config,
      keys,
      migratedDatabase: () => createDatabase({ data_dir: dataDir, db_url: dbUrl }),
      async emptyDatabase(name) {
        await withClient(adminUrl, (client) =>
          client.query(`create database ${name} template template0 owner postgres`),
        );
        return { name, url: onDatabase(dbUrl, name), adminUrl: onDatabase(adminUrl, name) };
      },
      serverVersion: () =>
        withClient(adminUrl, async (client) => {
          const { rows } = await client.query<{ text: string }>(
            `select 'PostgreSQL ' || current_setting('server_version') || ' (fsync '
               || current_setting('fsync') || ', synchronous_commit '
               || current_setting('synchronous_commit') || ', shared_buffers '
               || current_setting('shared_buffers') || ')' as text`,
          );
          return rows[0]?.text ?? '';
        }),
      async settle(database) {
        if (database) {
          await withClient(database.adminUrl, (client) => client.query('analyze'));
        }
        await withClient(adminUrl, async (client) => {
          await client.query('checkpoint');
          await untilVacuumed(client);
        });
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
