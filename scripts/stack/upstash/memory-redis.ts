// A Redis in this process: js-redis-server on a Unix socket that only this user may open, with a memory limit, which
// the library does not have.

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  attachSession,
  createRedisCommandExecutor,
  RedisServerState,
  SocketConnectionTransport,
} from 'js-redis-server/core';

import type { Measured } from './memory-budget.ts';

export interface MemoryRedis extends Measured {
  path: string;
  stop(): Promise<void>;
}

export async function startMemoryRedis(): Promise<MemoryRedis> {
  // Only this user can open the folder, because the Redis has no password.
  const dir = await mkdtemp(join(tmpdir(), 'stepbase-redis-'));
  const path =
    process.platform === 'win32' ? `\\\\.\\pipe\\${dir.replaceAll('\\', '-')}` : join(dir, 'sock');
  const state = new RedisServerState({ databaseCount: 1 });
  const executor = createRedisCommandExecutor();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    attachSession(new SocketConnectionTransport(socket), { state, executor });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return {
    path,
    weigh() {
      return state.databases.reduce(
        (sum, database) => {
          database.sweepExpired();
          const entries = database.entriesSnapshot();
          return { bytes: sum.bytes + weigh(entries), keys: sum.keys + entries.length };
        },
        { bytes: 0, keys: 0 },
      );
    },
    forgetScripts: () => state.scriptCache.flush(),
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      state.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** The bytes of all keys and values, with an estimate of the overhead. */
function weigh(root: unknown): number {
  let bytes = 0;
  const waiting: unknown[] = [root];
  // Each iteration removes one value of a finite tree.
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (Buffer.isBuffer(value)) bytes += value.length + 32;
    else if (typeof value === 'string') bytes += value.length + 16;
    else if (value instanceof Map) for (const pair of value) waiting.push(pair);
    else if (value instanceof Set || Array.isArray(value))
      for (const item of value) waiting.push(item);
    else if (typeof value === 'object' && value !== null) waiting.push(...Object.values(value));
    else bytes += 8;
  }
  return bytes;
}
