// A prepared cluster: bootstrapped, migrated, seeded and stopped. `npm test` makes one, and its throw-away stacks start
// as copies of it: initdb and the migrations take longer than all other phases of a start.

import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDatabase } from './database.ts';
import { keepTemplate } from './databases.ts';
import { createKeys, loadKeys, type StackKeys } from './keys.ts';
import { migrationsFingerprint } from './migrate.ts';
import { resolveOptions } from './options.ts';
import { findFreePorts } from './ports.ts';
import { bootstrapFingerprint } from './postgres/bootstrap.ts';
import { clusterFolder } from './postgres/cluster.ts';
import { copyCluster } from './postgres/copy-cluster.ts';
import { seedOnce, seedText } from './seed.ts';

/** The data directory of the prepared cluster, for this process and its children. */
export const PREPARED = 'STEPBASE_PREPARED_CLUSTER';

/** What the start of a stack remembers of the database in the data directory. */
const MARKERS = ['migrations.json', 'seeded'];

/** A hash that changes when a new cluster would have another content. */
export async function preparedContent(): Promise<string> {
  const hash = createHash('sha256');
  for (const text of [bootstrapFingerprint(), migrationsFingerprint(), seedText()]) {
    hash.update(`${await text}\n`);
  }
  return hash.digest('hex');
}

/** Prepares a cluster in an empty folder; from now on, stacks of this process and its children may copy it. */
export async function prepareCluster(dataDir: string): Promise<void> {
  await mkdir(join(dataDir, 'logs'), { recursive: true });
  const content = await preparedContent();
  const keys = await loadKeys(dataDir);
  const config = resolveOptions({ dataDir, port: await findFreePorts() });
  const database = await startDatabase({ ...config, databaseUrl: undefined, seed: false }, keys);
  try {
    await keepTemplate(database.adminUrl);
    await seedOnce(database.url, dataDir);
  } finally {
    await database.stop();
  }
  await writeFile(join(dataDir, 'prepared'), content);
  process.env[PREPARED] = dataDir;
}

/** Removes it, and the environment variable. */
export async function discardPrepared(dataDir: string): Promise<void> {
  if (process.env[PREPARED] === dataDir) delete process.env[PREPARED];
  await rm(clusterFolder(dataDir), { recursive: true, force: true });
  await rm(dataDir, { recursive: true, force: true });
}

/**
 * Copies the prepared cluster into an empty data directory, with new keys but for the password of the services, which
 * is in the cluster. Undefined, and without effect, where there is none of the current content.
 */
export async function copyPrepared(dataDir: string): Promise<StackKeys | undefined> {
  const from = process.env[PREPARED];
  // The copy keeps the owner of each file, which needs the program cp.
  if (!from || process.platform === 'win32') return undefined;
  const content = await readFile(join(from, 'prepared'), 'utf8').catch(() => undefined);
  if (content !== (await preparedContent())) return undefined;
  await copyCluster(from, dataDir);
  for (const name of MARKERS) await copyFile(join(from, name), join(dataDir, name));
  const { servicePassword } = await loadKeys(from);
  return await createKeys(dataDir, { servicePassword });
}
