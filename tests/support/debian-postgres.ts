// A temporary server of another PostgreSQL version, from Debian's packages if they are installed.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { keepLog } from '../../scripts/stack/keep-logs.ts';
import { postgresAccount } from '../../scripts/stack/postgres/system-user.ts';

const PACKAGES = '/usr/lib/postgresql';

/**
 * Major versions whose server programs are on this machine. STEPBASE_TEST_POSTGRES ("15" or "15,17") selects
 * some of them and requires that they are installed, so that CI cannot skip a version silently.
 */
export async function installedVersions(): Promise<string[]> {
  const entries = existsSync(PACKAGES) ? await readdir(PACKAGES) : [];
  const installed = entries.filter((entry) => existsSync(join(PACKAGES, entry, 'bin', 'postgres')));
  const wanted = process.env.STEPBASE_TEST_POSTGRES?.split(',').filter(Boolean) ?? [];
  if (wanted.length === 0) return installed;
  const missing = wanted.filter((version) => !installed.includes(version));
  if (missing.length > 0) {
    throw new Error(
      `PostgreSQL ${missing.join(', ')} is not in ${PACKAGES}, but STEPBASE_TEST_POSTGRES names it`,
    );
  }
  return wanted;
}

async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

export interface DebianServer {
  /** As the superuser supabase_admin. */
  adminUrl: string;
  port: number;
  stop(): Promise<void>;
}

export async function startDebianServer(
  version: string,
  more: Record<string, string> = {},
): Promise<DebianServer> {
  const account = postgresAccount();
  const dir = await mkdtemp('/tmp/stepbase-pg-');
  if (account) await chown(dir, account.uid, account.gid);
  const run = (program: string, args: string[]) =>
    execFileSync(join(PACKAGES, version, 'bin', program), args, {
      ...account,
      cwd: dir,
      stdio: 'ignore',
      timeout: 60_000,
    });
  const data = join(dir, 'data');
  const log = join(dir, 'postgres.log');
  const port = await freePort();
  run('initdb', ['-D', data, '-U', 'supabase_admin', '--auth=trust', '-E', 'UTF8', '--locale=C']);
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    fsync: 'off',
    wal_level: 'logical',
    ...more,
  };
  const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value || "''"}`);
  run('pg_ctl', ['-D', data, '-l', log, '-o', options.join(' '), '-w', 'start']);
  keepLog(log);
  return {
    adminUrl: `postgres://supabase_admin@127.0.0.1:${port}/postgres`,
    port,
    stop: async () => {
      run('pg_ctl', ['-D', data, '-m', 'immediate', '-w', 'stop']);
      await rm(dir, { recursive: true, force: true });
    },
  };
}
