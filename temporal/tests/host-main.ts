// The process of host-process.ts: hosts the workflows of its first argument until SIGTERM.

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { NativeConnection } from '@temporalio/worker';
import { hostPrepared } from './host.ts';
import type { Task } from './host-process.ts';

export const READY = 'the workers take tasks';

async function main({ prepared, address, env, queue }: Task): Promise<void> {
  const connection = await NativeConnection.connect({ address });
  const hosted = await hostPrepared(prepared, {
    connection,
    env,
    ...(queue === undefined ? {} : { queue }),
  });
  console.log(READY);
  await once(process, 'SIGTERM');
  await hosted.stop();
  await connection.close();
  process.exit(0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(JSON.parse(process.argv[2] ?? '') as Task);
}
