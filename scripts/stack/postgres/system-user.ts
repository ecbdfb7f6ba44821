// PostgreSQL refuses to run as root. If the stack runs as root (containers, CI), the server runs with an ordinary
// account of the system, in a folder that this account can reach.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StackError } from '../options.ts';

export interface Account {
  uid: number;
  gid: number;
}

const SHARED = '/var/tmp/stepbase';

/** The account that PostgreSQL runs as; undefined means the current one. */
export function postgresAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = new Map<string, Account>();
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name && uid && gid) accounts.set(name, { uid: Number(uid), gid: Number(gid) });
  }
  const account = accounts.get('postgres') ?? accounts.get('nobody');
  if (!account || account.uid === 0) {
    throw new StackError(
      'PostgreSQL cannot run as root, and this system has neither an account postgres nor nobody',
    );
  }
  return account;
}

/** Whether the account can reach a folder, that is, may traverse every part of the path. */
export function canReach(path: string, account: Account | undefined): boolean {
  if (!account) return true;
  for (let at = path; ; at = dirname(at)) {
    const stat = statSync(at, { throwIfNoEntry: false });
    if (stat) {
      const bit = stat.uid === account.uid ? 0o100 : stat.gid === account.gid ? 0o010 : 0o001;
      if ((stat.mode & bit) === 0) return false;
    }
    if (at === dirname(at)) return true;
  }
}

/** The folder of the cluster: in the data directory, or in a place that the account can reach. */
export function clusterDir(dataDir: string, account: Account | undefined): string {
  if (canReach(dataDir, account)) return join(dataDir, 'postgres');
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  return join(SHARED, 'data', name, 'postgres');
}

/**
 * Allows the account to traverse (not list) the data directory, because temporary folders do not allow it. If a
 * parent folder does not allow it either, records the data directory of the folder elsewhere, and deletes folders
 * whose data directory no longer exists.
 */
export async function prepareDataDir(dataDir: string, account: Account | undefined): Promise<void> {
  if (!account) return;
  await chmod(dataDir, statSync(dataDir).mode | 0o011);
  if (canReach(dataDir, account)) return;
  const folder = dirname(clusterDir(dataDir, account));
  await mkdir(folder, { recursive: true, mode: 0o755 });
  await writeFile(join(folder, 'origin'), dataDir);
  for (const name of await readdir(join(SHARED, 'data'))) {
    const other = join(SHARED, 'data', name);
    const origin = await readFile(join(other, 'origin'), 'utf8').catch(() => undefined);
    if (origin && !existsSync(origin)) await rm(other, { recursive: true, force: true });
  }
}

/** The server programs; copied once to a reachable place if the account cannot reach the checkout. */
export async function reachablePrograms(
  nativeDir: string,
  version: string,
  account: Account | undefined,
): Promise<string> {
  if (canReach(nativeDir, account)) return nativeDir;
  const target = join(SHARED, `postgres-${version}`);
  if (statSync(target, { throwIfNoEntry: false })?.uid === 0) return target;
  await mkdir(SHARED, { recursive: true, mode: 0o755 });
  const partial = `${target}.${process.pid}`;
  await cp(nativeDir, partial, { recursive: true, verbatimSymlinks: true });
  // Renamed when complete; a second stack that copied concurrently discards its copy.
  await rename(partial, target).catch(() => rm(partial, { recursive: true, force: true }));
  return target;
}
