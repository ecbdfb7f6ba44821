// pgTAP for the embedded server: its files are in an npm package and are unpacked once.

import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { x as unpack } from 'tar';
import { ROOT } from '../options.ts';
import { canReach, postgresAccount } from './system-user.ts';

/** A folder for `extension_control_path`: its `extension/` contains pgtap.control and the scripts. */
export async function pgtapShare(): Promise<string> {
  const account = postgresAccount();
  const entry = createRequire(import.meta.url).resolve('@electric-sql/pglite');
  const archive = join(dirname(entry), 'pgtap.tar.gz');
  const cache = join(ROOT, 'node_modules', '.cache', 'stepbase');
  const base = canReach(cache, account) ? cache : '/var/tmp/stepbase';
  const target = join(base, 'pgtap');
  const share = join(target, 'share', 'postgresql');
  if (existsSync(join(share, 'extension', 'pgtap.control'))) return share;
  const partial = `${target}.${process.pid}`;
  await mkdir(partial, { recursive: true });
  await unpack({ file: archive, cwd: partial });
  // Renamed when complete, so that concurrent stacks never see a partial folder.
  await rename(partial, target).catch(() => rm(partial, { recursive: true, force: true }));
  return share;
}
