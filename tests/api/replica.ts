// A primary and a standby that follows it by streaming replication, and API processes that read from both.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startDatabase } from '../../scripts/stack/database.ts';
import { workerUrl } from '../../scripts/stack/functions-env.ts';
import { loadKeys } from '../../scripts/stack/keys.ts';
import { resolveOptions } from '../../scripts/stack/options.ts';
import { findFreePorts } from '../../scripts/stack/ports.ts';
import { clusterFolder } from '../../scripts/stack/postgres/cluster.ts';
import { startStandby } from '../../scripts/stack/postgres/standby.ts';
import { copyPrepared } from '../../scripts/stack/prepared.ts';
import { atFileEnd } from '../support/file-end.ts';
import { type Api, startApi } from './support.ts';

export interface Replicated {
  /** Pools of the superuser. */
  primary: pg.Pool;
  /** Renewed when the standby starts again. */
  standby(): pg.Pool;
  api(env?: Record<string, string>): Promise<Api>;
  kill(): Promise<void>;
  startAgain(): Promise<void>;
}

const dataFolder = async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'stepbase-'));
  return {
    dataDir,
    discard: async () => {
      await rm(clusterFolder(dataDir), { recursive: true, force: true });
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

const poolOf = (url: string) => {
  const pool = new pg.Pool({ connectionString: url, max: 4, connectionTimeoutMillis: 10_000 });
  pool.on('error', () => undefined);
  return pool;
};

/** Both servers end with the file. */
export async function startReplicated(): Promise<Replicated> {
  const ends: (() => Promise<unknown>)[] = [];
  atFileEnd(async () => {
    for (const end of ends.reverse()) await end();
  });

  const own = await dataFolder();
  ends.push(own.discard);
  await copyPrepared(own.dataDir);
  const keys = await loadKeys(own.dataDir);
  const config = resolveOptions({ dataDir: own.dataDir, port: await findFreePorts() });
  const database = await startDatabase({ ...config, databaseUrl: undefined }, keys);
  ends.push(() => database.stop());
  const primary = poolOf(database.adminUrl);
  ends.push(() => primary.end());

  const other = await dataFolder();
  ends.push(other.discard);
  const start = () =>
    startStandby({
      primary: { adminUrl: database.adminUrl, dataDir: own.dataDir },
      dataDir: other.dataDir,
      port: config.ports.web,
      superuserPassword: keys.servicePassword,
      slot: 'replica',
      // A statement that is in the way of the replay is cancelled at once.
      settings: ['max_standby_streaming_delay = 0'],
    });
  let cluster = await start();
  ends.push(() => cluster.stop());
  let standby = poolOf(cluster.adminUrl('postgres'));
  ends.push(() => standby.end());

  const port = String(config.ports.web);
  return {
    primary,
    standby: () => standby,
    async api(env = {}) {
      const api = await startApi({
        DATABASE_URL: workerUrl(database.url),
        DATABASE_REPLICA_URL: asWorker(database.url, port),
        ...env,
      });
      ends.push(() => api.stop());
      return api;
    },
    async kill() {
      await standby.end();
      await cluster.stop();
    },
    async startAgain() {
      cluster = await start();
      standby = poolOf(cluster.adminUrl('postgres'));
    },
  };
}

/** The password of the worker's role follows from the login of the database, not from its port. */
function asWorker(url: string, port: string): string {
  const worker = new URL(workerUrl(url));
  worker.port = port;
  return worker.href;
}
