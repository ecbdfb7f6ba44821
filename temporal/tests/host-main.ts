// A process with workers of compiled workflows, which a test can kill as a crash would: hosts the workflows of its first
// argument until SIGTERM.

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { NativeConnection } from '@temporalio/worker';
import { hostPrepared, type Prepared } from './host.ts';

export const READY = 'the workers take tasks';

export interface HostTask {
  prepared: Prepared;
  address: string;
  env: Record<string, string>;
}

async function main({ prepared, address, env }: HostTask): Promise<void> {
  const connection = await NativeConnection.connect({ address });
  const hosted = await hostPrepared(prepared, { connection, env });
  console.log(READY);
  await once(process, 'SIGTERM');
  await hosted.stop();
  await connection.close();
  process.exit(0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(JSON.parse(process.argv[2] ?? '') as HostTask);
}
