// One free port of this machine.

import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { StackError } from './stack-error.ts';

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () =>
      probe.close(() => resolve(true)),
    );
  });
}

/** A port outside the ephemeral range of clients. */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = randomInt(12_000, 31_200);
    if (await isFree(port)) return port;
  }
  throw new StackError('Found no free port between 12000 and 31200');
}
