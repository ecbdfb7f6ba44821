// The environment of all contenders: one embedded PostgreSQL as the stack starts it, and a database for each.
// The stack's services run only while Stepbase is measured, so that each contender has both cores to itself.

import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
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
import { copyPrepared } from '../stack/prepared.ts';

export interface BenchDatabase {
  name: string;
  /** As postgres. */
  url: string;
  /** As the superuser. */
  adminUrl: string;
}

export interface BenchEnvironment {
  dataDir: string;
  config: StackConfig;
  keys: StackKeys;
  /** Of the database postgres, as the superuser. */
  adminUrl: string;
  /** The process id of the server. */
  postmaster: number;
  /** Migrated and without rows. */
  migratedDatabase(): Promise<BenchDatabase>;
  emptyDatabase(name: string): Promise<BenchDatabase>;
  /**
   * Does the work of autovacuum and the checkpointer for a minute: statistics of new tables (sessions plan
   * again) and a checkpoint. Waits until running vacuums have ended.
   */
  quiesce(database?: BenchDatabase): Promise<void>;
  /** Version and the settings that matter for speed. */
  serverVersion(): Promise<string>;
  stop(): Promise<void>;
}

const VACUUM_MS = 60_000;

/** The vacuum of one contender's database must not slow the next one down. */
async function untilVacuumed(client: pg.Client): Promise<void> {
  const deadline = Date.now() + VACUUM_MS;
  for (;;) {
    // A worker that finds no work ends at once.
    const { rows } = await client.query<{ busy: boolean }>(
      `select exists (
         select from pg_catalog.pg_stat_activity
         where backend_type = 'autovacuum worker' and query like 'autovacuum:%'
       ) as busy`,
    );
    if (!rows[0]?.busy) return;
    if (Date.now() > deadline)
      throw new Error(`autovacuum is still running after ${VACUUM_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function createBenchEnvironment(
  settings: readonly string[] = [],
): Promise<BenchEnvironment> {
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
    const keys = (await copyPrepared(dataDir)) ?? (await loadKeys(dataDir));
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
    // So that every contender can begin after a checkpoint.
    await withClient(adminUrl, (client) => client.query('grant pg_checkpoint to postgres'));
    const pidFile = join(clusterFolder(dataDir), 'postmaster.pid');
    const postmaster = Number((await readFile(pidFile, 'utf8')).split('\n')[0]);
    const dbUrl = `postgres://postgres:postgres@127.0.0.1:${config.ports.postgres}/postgres`;

    return {
      dataDir,
      config,
      keys,
      adminUrl,
      postmaster,
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
      async quiesce(database) {
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
