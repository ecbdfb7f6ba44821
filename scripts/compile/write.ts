// Writes a compiled project into a folder: a new one, an empty one, or one with an earlier compilation.

import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The folders that belong to the compiler; files in them that it does not write any more are deleted. */
const OWN = ['src', 'stepbase'];

export async function writeProject(
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const found = await readdir(folder);
  if (found.length > 0 && !existsSync(join(folder, 'stepbase', 'runtime'))) {
    throw new Error(`${folder} is neither empty nor a compiled project`);
  }
  await Promise.all(OWN.map((name) => rm(join(folder, name), { recursive: true, force: true })));
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}
