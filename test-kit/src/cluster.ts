// The PostgreSQL of the tests. A prepared cluster with a migrated template database is cached by the fingerprint of its
// SQL; a server starts on a copy of it. What it writes need not survive a crash, so it never waits for the disk.

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from '../../scripts/stack/free-port.ts';
import { bootstrapCluster, bootstrapDatabase } from '../../scripts/stack/postgres/bootstrap.ts';
import { type Cluster, clusterFolder, startCluster } from '../../scripts/stack/postgres/cluster.ts';
import { onDatabase, withClient } from '../../scripts/stack/postgres/connection.ts';
import { copyCluster } from '../../scripts/stack/postgres/copy-cluster.ts';
import { readSources, type Sources } from './sources.ts';

export const TEMPLATE = 'stepbase_template';

const SETTINGS = [
  'fsync = off',
  'synchronous_commit = off',
  'full_page_writes = off',
  'wal_level = minimal',
  'max_wal_senders = 0',
  'autovacuum = off',
];
const START_ATTEMPTS = 3;
const UNUSED_MS = 14 * 24 * 3_600_000;

export interface Server {
  /** The superuser on the database postgres. */
  adminUrl: string;
  password: string;
  stop(): Promise<void>;
}

/** Root stores it where the account of the server can reach it. */
function cacheFolder(): string {
  const given = process.env.STEPBASE_TEST_CACHE;
  if (given) return given;
  if (process.getuid?.() === 0) return '/var/tmp/stepbase/test';
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'stepbase-test');
}

async function start(dataDir: string, superuserPassword: string): Promise<Cluster> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const port = await findFreePort();
      return await startCluster({ dataDir, port, superuserPassword, settings: SETTINGS });
    } catch (error) {
      // Another process may have taken the port since it was found free.
      const isTaken = error instanceof Error && /could not bind/.test(error.message);
      if (!isTaken || attempt === START_ATTEMPTS) throw error;
    }
  }
}

async function discard(dataDir: string): Promise<void> {
  await rm(clusterFolder(dataDir), { recursive: true, force: true });
  await rm(dataDir, { recursive: true, force: true });
}

async function migrate(url: string, { migrations }: Sources): Promise<void> {
  await withClient(url, async (client) => {
    for (const { name, sql } of migrations) {
      await client.query(sql).catch((error: Error) => {
        throw new Error(`the migration ${name} failed: ${error.message}`, { cause: error });
      });
    }
  });
}

/** Makes the prepared cluster in an empty folder. */
async function prepare(dataDir: string, password: string, sources: Sources): Promise<void> {
  await mkdir(join(dataDir, 'logs'), { recursive: true });
  await writeFile(join(dataDir, 'password'), password, { mode: 0o600 });
  const cluster = await start(dataDir, password);
  try {
    const passwords = { postgres: password, service: password };
    const adminUrl = cluster.adminUrl('postgres');
    await bootstrapCluster(adminUrl, passwords, true, sources.bootstrap);
    await withClient(adminUrl, (client) =>
      client.query(`create database ${TEMPLATE} template template0 owner postgres`),
    );
    await bootstrapDatabase(onDatabase(adminUrl, TEMPLATE), passwords, sources.bootstrap);
    const asPostgres = new URL(onDatabase(adminUrl, TEMPLATE));
    asPostgres.username = 'postgres';
    await migrate(asPostgres.href, sources);
    await withClient(adminUrl, (client) =>
      client.query(`alter role stepbase_worker login password '${password}'`),
    );
  } finally {
    await cluster.stop();
  }
}

/** The folder of the prepared cluster of the current SQL; made by the first call. */
async function prepared(): Promise<string> {
  const sources = await readSources();
  const cache = cacheFolder();
  const folder = join(cache, sources.fingerprint);
  if (!existsSync(folder)) {
    await mkdir(cache, { recursive: true });
    await removeUnused(cache);
    const partial = await mkdtemp(`${folder}-`);
    try {
      await prepare(partial, randomBytes(16).toString('hex'), sources);
      // Renamed when complete. A process that was faster has left the same content.
      await rename(partial, folder).catch((error: unknown) => {
        if (!existsSync(folder)) throw error;
      });
    } finally {
      await discard(partial);
    }
  }
  const now = new Date();
  await utimes(folder, now, now);
  return folder;
}

/** Clusters of other versions that no test has used for two weeks. */
async function removeUnused(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const folder = join(cache, name);
    const used = await stat(folder).catch(() => undefined);
    if (used && Date.now() - used.mtimeMs > UNUSED_MS) {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/** Starts a server of its own on a copy of the prepared cluster; its stop removes the copy. */
export async function startServer(): Promise<Server> {
  const from = await prepared();
  const password = (await readFile(join(from, 'password'), 'utf8')).trim();
  const dataDir = await mkdtemp(join(tmpdir(), 'stepbase-kit-'));
  try {
    await mkdir(join(dataDir, 'logs'));
    await copyCluster(from, dataDir);
    const cluster = await start(dataDir, password);
    return {
      adminUrl: cluster.adminUrl('postgres'),
      password,
      async stop() {
        await cluster.stop();
        await discard(dataDir);
      },
    };
  } catch (error) {
    await discard(dataDir);
    throw error;
  }
}
