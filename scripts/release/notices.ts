// The licences of the packages whose code a bundle contains: most of them ask that their text goes with each copy.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Plugin } from 'esbuild';

export const NOTICES = 'THIRD_PARTY_LICENSES.txt';

interface Manifest {
  name?: string;
  version?: string;
  license?: string;
}

/** The folder of the package that a file is in, or undefined for a file of ours. */
const packageOf = (file: string): string | undefined =>
  /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(file)?.[0];

/** Notes in `folders` from which packages a build reads files. It must be the first of the plugins. */
export const notingPackages = (folders: Set<string>): Plugin => ({
  name: 'noting-packages',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]node_modules[\\/]/ }, ({ path }) => {
      const folder = packageOf(path);
      if (folder !== undefined) folders.add(folder);
      return undefined;
    });
  },
});

function licenceIn(folder: string): string | undefined {
  const name = readdirSync(folder).find((one) => /^(?:licen[cs]e|copying)(?:\.|$)/i.test(one));
  return name === undefined ? undefined : readFileSync(join(folder, name), 'utf8').trim();
}

/** The text of the file, in the order of the names. A package of a monorepo may have its licence in the folder above. */
export function noticesOf(folders: Iterable<string>): string {
  const parts = [...folders].sort().flatMap((folder) => {
    const path = join(folder, 'package.json');
    if (!existsSync(path)) return [];
    const { name, version, license } = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
    const text = licenceIn(folder) ?? licenceIn(dirname(folder)) ?? `Licence: ${license}`;
    return [`${name} ${version} (${license})\n\n${text}`];
  });
  const line = '-'.repeat(80);
  return `This package contains code of the following packages.\n\n${[...new Set(parts)].join(`\n\n${line}\n\n`)}\n`;
}
