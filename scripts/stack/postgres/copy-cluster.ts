// Copies a stopped cluster into an empty data directory. The copy keeps the owner of each file, which needs the program
// cp, so there is none on Windows.

import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { clusterFolder } from './cluster.ts';
import { postgresAccount, prepareDataDir } from './system-user.ts';

export async function copyCluster(fromDataDir: string, dataDir: string): Promise<void> {
  await prepareDataDir(dataDir, postgresAccount());
  const folder = clusterFolder(dataDir);
  await mkdir(dirname(folder), { recursive: true });
  await promisify(execFile)('cp', ['-Rp', clusterFolder(fromDataDir), folder]);
}
