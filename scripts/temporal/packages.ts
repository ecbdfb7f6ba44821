// The packages of the folder temporal/. They are large and only those who use Temporal need them, so they are installed
// when a command first needs them.

import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../stack/options.ts';

export const TEMPORAL = join(ROOT, 'temporal');

/** Installs them unless they are as the lock file says; false: npm has failed and said why. */
export function installTemporalPackages(): boolean {
  const installed = join(TEMPORAL, 'node_modules', '.package-lock.json');
  const lock = join(TEMPORAL, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return true;
  // On standard error: the output of a command may be read by a program.
  console.error('Installing the packages of temporal/ (npm ci) …');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: TEMPORAL,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  return status === 0;
}
