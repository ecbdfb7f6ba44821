// Reads everything that the parts of `npm test` have written and merges it.

import { spawn } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { ROOT } from '../stack/options.ts';
import { readBrowserProfiles } from './browser-profiles.ts';
import type { CoverageFolders } from './folders.ts';
import { readLcov } from './lcov.ts';
import { addHits, type Coverage, mergeCoverage } from './lines.ts';
import { readNodeProfiles } from './node-profiles.ts';
import { LCOV_FILE } from './vitest.ts';

/** The path of a source, not of a test, from the root of the repository. */
export function sourceOf(path: string): string | undefined {
  const source = isAbsolute(path) ? relative(ROOT, path) : path;
  const isSource = /^(functions|scripts|(web|sdk|cli)\/src)\/.*\.tsx?$/.test(source);
  return isSource && !/\.(test|d)\.tsx?$/.test(source) ? source : undefined;
}

/** A source map of the web client names its sources relative to the bundle. */
const webSourceOf = (path: string): string | undefined =>
  sourceOf(path.replace(/^.*\/(?=(web|sdk|cli)\/src\/)/, ''));

async function denoCoverage(folder: string): Promise<Coverage> {
  if (!existsSync(folder)) return new Map();
  const output = `${folder}.lcov`;
  const child = spawn(
    join(ROOT, 'node_modules', '.bin', 'deno'),
    ['coverage', '--quiet', '--lcov', `--output=${output}`, folder],
    { cwd: ROOT, stdio: 'inherit', env: { ...process.env, DENO_NO_UPDATE_CHECK: '1' } },
  );
  await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', resolve);
  });
  return readLcov(await readFile(output, 'utf8'), sourceOf);
}

const filesIn = (folder: string, pattern: string): string[] =>
  globSync(pattern, { cwd: folder })
    .sort()
    .map((file) => join(folder, file));

export async function readCoverage(folders: CoverageFolders): Promise<Coverage> {
  // Vitest lists the lines with statements of every source, loaded or not: these are the lines that count.
  const base: Coverage = new Map();
  for (const file of filesIn(folders.vitest, `*/${LCOV_FILE}`)) {
    for (const [path, hits] of readLcov(await readFile(file, 'utf8'), sourceOf)) {
      addHits(base, path, hits);
    }
  }
  return mergeCoverage(base, [
    await denoCoverage(folders.deno),
    await readNodeProfiles(filesIn(folders.node, '*.json'), sourceOf),
    await readBrowserProfiles(filesIn(folders.browser, '*.json'), webSourceOf),
  ]);
}
