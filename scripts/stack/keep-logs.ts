// Keeps logs longer than their stack. Throw-away stacks remove their data directory when they stop. While the
// environment variable STEPBASE_KEEP_LOGS names a folder, the logs of their processes stay there.

import { linkSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';

export const KEEP_LOGS = 'STEPBASE_KEEP_LOGS';

/** Links the log file into the folder at once, so that the log survives even if this process is killed. */
export function keepLog(logFile: string): void {
  const folder = process.env[KEEP_LOGS];
  if (!folder) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const parts = logFile.replace(tmpdir(), '').split(sep);
  const name = parts.filter((part) => part !== '' && part !== 'logs').join('-');
  try {
    linkSync(logFile, join(folder, name));
  } catch (error) {
    // A restarted process appends to the same file.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
