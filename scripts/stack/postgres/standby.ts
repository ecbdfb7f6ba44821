// A hot standby of an embedded cluster: an online copy that follows by streaming replication. The embedded server has no
// pg_basebackup, so the copy uses the functions that it is built on.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Cluster, clusterFolder, startCluster } from './cluster.ts';
import { withClient } from './connection.ts';
import { postgresAccount, prepareDataDir } from './system-user.ts';

export interface StandbyOptions {
  /** The primary as superuser, and its data directory. */
  primary: { adminUrl: string; dataDir: string };
  /** Empty at the first start; afterwards the standby continues where it stopped. */
  dataDir: string;
  port: number;
  /** That of the primary. */
  superuserPassword: string;
  /** Keeps the WAL that the standby has not received. */
  slot: string;
  /** Additional lines of the server configuration. */
  settings?: readonly string[];
}

/** What belongs to the running primary only. */
const OWN_FILES = ['postmaster.pid', 'postmaster.opts'];
const OWN_FOLDERS = ['pg_wal', 'pg_replslot', 'pg_stat_tmp'];

export async function startStandby(options: StandbyOptions): Promise<Cluster> {
  const { primary, dataDir, port, superuserPassword, slot } = options;
  const login = new URL(primary.adminUrl);
  const source = [
    `host=${login.hostname}`,
    `port=${login.port}`,
    `user=${login.username}`,
    `password=${decodeURIComponent(login.password)}`,
    'sslmode=disable',
  ].join(' ');
  if (!existsSync(join(clusterFolder(dataDir), 'PG_VERSION'))) await copyPrimary(options);
  return await startCluster({
    dataDir,
    port,
    superuserPassword,
    settings: [
      `primary_conninfo = '${source}'`,
      `primary_slot_name = '${slot}'`,
      'hot_standby = on',
      // Vacuum on the primary keeps the rows that a query on the standby sees.
      'hot_standby_feedback = on',
      'wal_receiver_status_interval = 1s',
      ...(options.settings ?? []),
    ],
  });
}

async function copyPrimary({ primary, dataDir, slot }: StandbyOptions): Promise<void> {
  const account = postgresAccount();
  await prepareDataDir(dataDir, account);
  const folder = clusterFolder(dataDir);
  await mkdir(dirname(folder), { recursive: true });
  await withClient(primary.adminUrl, async (client) => {
    await client.query('select pg_create_physical_replication_slot($1, true)', [slot]);
    await client.query("select pg_backup_start('standby', fast => true)");
    await copyRunning(clusterFolder(primary.dataDir), folder);
    const { rows } = await client.query<{ labelfile: string }>(
      'select labelfile from pg_backup_stop(wait_for_archive => false)',
    );
    const write = async (name: string, text: string) => {
      await writeFile(join(folder, name), text, { mode: 0o600 });
      if (account) await chown(join(folder, name), account.uid, account.gid);
    };
    await write('backup_label', rows[0]?.labelfile ?? '');
    await write('standby.signal', '');
  });
  for (const name of OWN_FILES) await rm(join(folder, name), { force: true });
  for (const name of OWN_FOLDERS) await empty(join(folder, name));
}

/** A file that the server deletes meanwhile is not needed: the WAL has what follows from it. */
async function copyRunning(from: string, to: string): Promise<void> {
  try {
    await promisify(execFile)('cp', ['-Rp', from, to]);
  } catch (error) {
    const lines = String((error as { stderr?: unknown }).stderr)
      .trim()
      .split('\n');
    if (!lines.every((line) => line.includes('No such file or directory'))) throw error;
  }
}

/** Keeps the folders in it: the server expects pg_wal/archive_status. */
async function empty(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (folder.endsWith('pg_wal') && entry.isDirectory()) await empty(path);
    else await rm(path, { recursive: true });
  }
}
