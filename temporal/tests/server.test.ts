// The server of Temporal that tests and the benchmark start.

import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { expect, test } from 'vitest';
import { startProcess, WORK_FOLDER } from '../processes.ts';

/** Ready when it has printed the address. */
const PROGRAM = `
  import { startServer } from './temporal/server/server.ts';
  const { address } = await startServer();
  console.log('address', address, 'ready');
  setInterval(() => {}, 60_000);
`;

test('it ends with the process that started it, even if that is killed', async () => {
  let address = '';
  const starter = await startProcess('--input-type=module', {
    args: ['--eval', PROGRAM],
    // A server of its own, also where the other tests use a given one.
    env: { TEMPORAL_ADDRESS: '' },
    logFile: join(WORK_FOLDER, 'logs', 'server.log'),
    ready: 'ready',
    onLine: (line) => {
      address ||= /address (\S+)/.exec(line)?.[1] ?? '';
    },
  });
  const isReachable = async () => {
    const connection = await Connection.connect({ address, connectTimeout: 1_000 }).catch(() => {});
    await connection?.close();
    return connection !== undefined;
  };
  expect(await isReachable()).toBe(true);
  await starter.kill();
  await expect.poll(isReachable, { timeout: 20_000 }).toBe(false);
});
