// One stack per data directory: a lock file with the pid of the supervisor, ignored if that process no longer exists.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from './options.ts';

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Throws if a stack already runs on the directory; returns a function that releases the lock. */
export function lockDataDir(dataDir: string): () => void {
  const path = join(dataDir, 'stack.pid');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = Number(readFileSync(path, 'utf8'));
    if (owner > 0 && owner !== process.pid && isRunning(owner)) {
      throw new StackError(
        `A stack already runs on ${dataDir} (process ${owner}). ` +
          'Stop it, or start another one: npm start -- --port N --data DIR',
      );
    }
    rmSync(path, { force: true });
  }
  throw new StackError(`Could not lock ${dataDir}: another start is in progress`);
}
