// The environment of a chaos run: a stack and a fleet of workers, on a database and a Redis that can be stopped.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { FunctionProcess } from '../stack/functions.ts';
import { functionEnvironment, workerUrl } from '../stack/functions-env.ts';
import { loadKeys } from '../stack/keys.ts';
import { resolveOptions } from '../stack/options.ts';
import { findFreePorts } from '../stack/ports.ts';
import { clusterFolder, startCluster } from '../stack/postgres/cluster.ts';
import { withClient } from '../stack/postgres/connection.ts';
import { copyPrepared } from '../stack/prepared.ts';
import type { StackInfo } from '../stack/stack.ts';
import { startThrowawayStack } from '../stack/throwaway.ts';
import { startUpstash } from '../stack/upstash/server.ts';
import { type Fleet, startFleet } from './fleet.ts';

export interface ChaosEnvironment {
  info: StackInfo;
  fleet: Fleet;
  /** Starts functions/api with the environment variables of the workers; resolves with its URL. */
  startApi(): Promise<string>;
  /** Crashes the server and starts it again. */
  restartDatabase(): Promise<void>;
  withoutRedis(ms: number): Promise<void>;
  stop(): Promise<void>;
}

const REDIS_TOKEN = 'chaos';
const SUPERUSER_PASSWORD = 'chaos';

export interface ChaosEnvironmentOptions {
  workers: number;
  leaseSeconds: number;
  /** Further environment variables of the workers. */
  env?: Record<string, string>;
  /** An existing server, as its superuser. Without it the environment has its own server, which can crash. */
  adminUrl?: string;
  /** Starts a proxy between the workers and the database; its url is the workers' DATABASE_URL. */
  between?(databaseUrl: string): Promise<{ url: string; stop(): Promise<unknown> }>;
}

/** On a server of its own, a stack expects one password for all roles that can log in. */
async function shareRolePostgres(adminUrl: string, password: string): Promise<void> {
  await withClient(adminUrl, (client) =>
    client.query(`alter role postgres password ${pg.escapeLiteral(password)}`),
  );
}

export async function createChaosEnvironment(
  options: ChaosEnvironmentOptions,
): Promise<ChaosEnvironment> {
  const { workers, leaseSeconds } = options;
  const ends: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    const dataDir = await mkdtemp(join(tmpdir(), 'stepbase-chaos-'));
    ends.push(async () => {
      await rm(clusterFolder(dataDir), { recursive: true, force: true });
      await rm(dataDir, { recursive: true, force: true });
    });
    const first = await findFreePorts();
    const prepared = options.adminUrl === undefined ? await copyPrepared(dataDir) : undefined;
    const superuserPassword = prepared?.servicePassword ?? SUPERUSER_PASSWORD;
    const open = () => startCluster({ dataDir, port: first + 1, superuserPassword });
    let cluster = options.adminUrl === undefined ? await open() : undefined;
    ends.push(async () => cluster?.stop());
    const databaseUrl = options.adminUrl ?? cluster?.adminUrl('postgres') ?? '';
    if (prepared) await shareRolePostgres(databaseUrl, superuserPassword);
    const stack = await startThrowawayStack({
      ...{ functions: false, web: false, databaseUrl },
      ...(prepared ? { seed: false, keys: { servicePassword: superuserPassword } } : {}),
    });
    ends.push(() => stack.stop());

    const redisPort = await findFreePorts();
    const openRedis = () => startUpstash({ port: redisPort, token: REDIS_TOKEN });
    let redis = await openRedis();
    ends.push(() => redis.stop());

    const config = resolveOptions({
      dataDir: stack.info.data_dir,
      functionsEnv: {
        STEPBASE_LEASE_SECONDS: String(leaseSeconds),
        STEPBASE_DB_POOL: '6',
        UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${redisPort}`,
        UPSTASH_REDIS_REST_TOKEN: REDIS_TOKEN,
      },
    });
    const keys = await loadKeys(stack.info.data_dir);
    const between = await options.between?.(workerUrl(stack.info.db_url));
    if (between) ends.push(() => between.stop());
    const env = {
      ...functionEnvironment(config, keys, between?.url ?? stack.info.db_url),
      SUPABASE_URL: stack.info.api_url,
      ...options.env,
    };
    const fleet = await startFleet({
      ports: Array.from({ length: workers }, (_, i) => redisPort + 1 + i),
      env,
      dataDir,
    });
    ends.push(() => fleet.stop());

    return {
      info: stack.info,
      fleet,
      async startApi() {
        const port = redisPort + 1 + workers;
        const api = new FunctionProcess({
          name: 'api',
          port,
          env,
          dataDir,
          logLevel: 'silent',
          say: () => undefined,
        });
        await api.start();
        ends.push(() => api.stop());
        return `http://127.0.0.1:${port}/stepbase-api`;
      },
      async restartDatabase() {
        if (!cluster) throw new Error('the server does not belong to this environment');
        // As in a crash: every session ends in the middle of its statement.
        const pidFile = await readFile(join(clusterFolder(dataDir), 'postmaster.pid'), 'utf8');
        process.kill(Number(pidFile.split('\n')[0]), 'SIGQUIT');
        await cluster.exited;
        cluster = await open();
      },
      async withoutRedis(ms) {
        await redis.stop();
        await new Promise((resolve) => setTimeout(resolve, ms));
        redis = await openRedis();
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
