// A throw-away stack for a test or a demo: free ports, a data directory that is removed afterwards, and no limit of mails.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StackError, type StackOptions } from './options.ts';
import { findFreePorts } from './ports.ts';
import { clusterFolder } from './postgres/cluster.ts';
import { copyPrepared } from './prepared.ts';
import { type Stack, startStack } from './stack.ts';

const ATTEMPTS = 3;

/** Whether a copy of the prepared cluster has what these options ask for. */
const mayCopy = ({ databaseUrl, beforeMigrations, projectFolder, seed, keys }: StackOptions) =>
  seed !== false &&
  projectFolder === undefined &&
  beforeMigrations === undefined &&
  keys?.servicePassword === undefined &&
  !(databaseUrl ?? process.env.DATABASE_URL);

export async function startThrowawayStack(
  options: Omit<StackOptions, 'port' | 'dataDir' | 'reset'> = {},
  say?: (message: string) => void,
): Promise<Stack> {
  for (let attempt = 1; ; attempt += 1) {
    const dataDir = await mkdtemp(join(tmpdir(), 'stepbase-'));
    const discard = async () => {
      await rm(clusterFolder(dataDir), { recursive: true, force: true });
      await rm(dataDir, { recursive: true, force: true });
    };
    try {
      if (mayCopy(options)) await copyPrepared(dataDir);
      const port = await findFreePorts();
      const stack = await startStack({ mailSeconds: 0, ...options, port, dataDir }, say);
      const stop = async () => {
        await stack.stop();
        await discard();
      };
      return { ...stack, stop };
    } catch (error) {
      await discard();
      // Another process may have taken a port since it was found free.
      const taken = error instanceof StackError && error.message.includes('already in use');
      if (!taken || attempt === ATTEMPTS) throw error;
    }
  }
}
