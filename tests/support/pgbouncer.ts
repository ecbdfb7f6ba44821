// The real PgBouncer in transaction mode, from Debian's package if it is installed.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresAccount } from '../../scripts/stack/postgres/system-user.ts';
import { waitFor } from './stack.ts';

const PROGRAM = '/usr/sbin/pgbouncer';

export const hasPgBouncer = existsSync(PROGRAM);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

export async function startPgBouncer(
  databaseUrl: string,
): Promise<{ url: string; stop(): Promise<unknown> }> {
  const target = new URL(databaseUrl);
  const account = postgresAccount();
  const dir = await mkdtemp(join(tmpdir(), 'stepbase-pgbouncer-'));
  const port = await freePort();
  await writeFile(
    join(dir, 'users.txt'),
    `"${target.username}" "${decodeURIComponent(target.password)}"\n`,
  );
  await writeFile(
    join(dir, 'pgbouncer.ini'),
    [
      '[databases]',
      `* = host=${target.hostname} port=${target.port}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = plain',
      `auth_file = ${join(dir, 'users.txt')}`,
      'pool_mode = transaction',
      'default_pool_size = 4',
      'ignore_startup_parameters = extra_float_digits,application_name',
      '',
    ].join('\n'),
  );
  if (account) {
    for (const path of [dir, join(dir, 'users.txt'), join(dir, 'pgbouncer.ini')]) {
      await chown(path, account.uid, account.gid);
    }
  }
  const child: ChildProcess = spawn(PROGRAM, [join(dir, 'pgbouncer.ini')], {
    ...account,
    stdio: 'ignore',
  });
  await waitFor('PgBouncer answers', async () => {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return true;
    } catch {
      return false;
    } finally {
      socket.destroy();
    }
  });
  const url = new URL(databaseUrl);
  url.port = String(port);
  return {
    url: url.href,
    async stop() {
      if (child.exitCode === null) {
        child.kill('SIGINT');
        await once(child, 'exit');
      }
      await rm(dir, { recursive: true, force: true });
    },
  };
}
