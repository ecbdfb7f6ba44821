// The database of a stack: the embedded cluster or the server of DATABASE_URL, migrated and seeded.

import { createHash } from 'node:crypto';
import { addressesAt, moveTo, PUBLIC_ADDRESSES } from '../world/addresses.ts';
import { allowWorkerLogin } from './functions-env.ts';
import type { StackKeys } from './keys.ts';
import { migrate } from './migrate.ts';
import { type StackConfig, StackError } from './options.ts';
import { bootstrapCluster, bootstrapDatabase } from './postgres/bootstrap.ts';
import { startCluster } from './postgres/cluster.ts';
import { asRole, withClient } from './postgres/connection.ts';
import { pgtapShare } from './postgres/pgtap.ts';
import { seedOnce } from './seed.ts';

export interface Database {
  /** URL for the superuser. */
  adminUrl: string;
  /** URL for postgres, the role of migrations. */
  url: string;
  /** URL for another role that can log in. */
  urlAs(role: 'authenticator' | 'supabase_auth_admin'): string;
  /** Resolves when the embedded server ends; never resolves for an existing server. */
  exited: Promise<unknown>;
  stop(): Promise<void>;
}

export async function startDatabase(config: StackConfig, keys: StackKeys): Promise<Database> {
  const database = config.databaseUrl
    ? await connectExisting(config.databaseUrl, config.keys.servicePassword)
    : await startEmbedded(config, keys);
  try {
    await config.beforeMigrations?.(database.url);
    await migrate(database.url, config.dataDir, config.projectFolder);
    await allowWorkerLogin(database.adminUrl, database.url, config.workerPassword);
    const addresses = config.world
      ? addressesAt(`http://127.0.0.1:${config.ports.world}`)
      : PUBLIC_ADDRESSES;
    if (config.seed) await seedOnce(database.url, config.dataDir, addresses);
    if (config.world) await moveTo(addresses, database.adminUrl);
    return database;
  } catch (error) {
    await database.stop();
    throw error;
  }
}

async function startEmbedded(config: StackConfig, keys: StackKeys): Promise<Database> {
  const port = config.ports.postgres;
  const passwords = { postgres: 'postgres', service: keys.servicePassword };
  const cluster = await startCluster({
    dataDir: config.dataDir,
    port,
    superuserPassword: keys.servicePassword,
    extensions: await pgtapShare(),
  });
  const adminUrl = cluster.adminUrl('postgres');
  try {
    if (!(await isBootstrapped(adminUrl))) {
      await bootstrapCluster(adminUrl, passwords, true);
      await bootstrapDatabase(adminUrl, passwords);
    }
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return {
    adminUrl,
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    urlAs: (role) => asRole(adminUrl, role, keys.servicePassword),
    exited: cluster.exited,
    stop: () => cluster.stop(),
  };
}

async function connectExisting(
  adminUrl: string,
  servicePassword: string | undefined,
): Promise<Database> {
  const login = new URL(adminUrl);
  // All stacks on that server share the roles, so without a given password theirs is derived from the address.
  const service =
    servicePassword ??
    createHash('sha256')
      .update(`stepbase ${login.username} ${login.password} ${login.host}`)
      .digest('base64url');
  const check = await withClient(adminUrl, async (client) => {
    const { rows } = await client.query<{ wal: string; super: boolean; postgres: boolean }>(
      `select current_setting('wal_level') as wal, current_setting('is_superuser') = 'on' as super,
         exists (select from pg_catalog.pg_roles where rolname = 'postgres') as postgres`,
    );
    return rows[0];
  }).catch((error: Error) => {
    throw new StackError(`DATABASE_URL: cannot connect to ${login.host}: ${error.message}`);
  });
  if (!check?.super) {
    throw new StackError('DATABASE_URL must log in as a superuser: roles and schemas are created');
  }
  if (check.wal !== 'logical') {
    throw new StackError(`DATABASE_URL: the server needs wal_level = logical (it is ${check.wal})`);
  }
  if (check.postgres && login.username !== 'postgres' && !(await isOurs(adminUrl, service))) {
    throw new StackError('DATABASE_URL: this server has a role postgres; log in as that role');
  }
  const passwords = { postgres: service, service };
  if (!(await isBootstrapped(adminUrl))) {
    await bootstrapCluster(adminUrl, passwords, false);
    await bootstrapDatabase(adminUrl, passwords);
  }
  return {
    adminUrl,
    url: login.username === 'postgres' ? adminUrl : asRole(adminUrl, 'postgres', service),
    urlAs: (role) => asRole(adminUrl, role, service),
    exited: new Promise(() => undefined),
    stop: async () => undefined,
  };
}

/** Whether an earlier stack created the role postgres of this server. */
async function isOurs(adminUrl: string, password: string): Promise<boolean> {
  return await withClient(asRole(adminUrl, 'postgres', password), async () => true).catch(
    () => false,
  );
}

/** The last object that the bootstrap creates. */
async function isBootstrapped(adminUrl: string): Promise<boolean> {
  return await withClient(adminUrl, async (client) => {
    const { rows } = await client.query<{ done: boolean }>(
      `select exists (
         select from pg_catalog.pg_publication where pubname = 'supabase_realtime_messages_publication'
       ) as done`,
    );
    return rows[0]?.done ?? false;
  });
}
