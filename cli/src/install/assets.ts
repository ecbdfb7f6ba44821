// The files beside the program, where cli/build.ts puts them: the migrations, one file for each Edge Function, the script that
// uninstalls, and the documentation.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import about from '../../package.json' with { type: 'json' };
import type { Migration } from '../doctor/deployment.ts';
import { CliError, EXIT } from '../errors.ts';

export const VERSION: string = about.version;

export const FUNCTIONS = ['stepbase-api', 'stepbase-worker'] as const;

export interface Assets {
  version: string;
  /** In the order in which they are applied. */
  migrations: readonly Migration[];
  /** The text of a migration, by the name of its file. */
  migration(name: string): string;
  /** The bundle of an Edge Function. */
  edgeFunction(name: (typeof FUNCTIONS)[number]): string;
  uninstallSql(): string;
}

/** Beside the built program; for the sources, that of the last build. */
function assetsFolder(): string {
  const places = ['./assets', '../../dist/assets'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = places.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new CliError(EXIT.usage, 'incomplete_package', 'The package has no files to install', {
    hint: 'Install stepbase-cli again; in the repository, run `node cli/build.ts`.',
  });
}

/** Where a page of the documentation is on this machine; cli/build.ts puts the pages beside the program. */
export function docsPath(page: string): string {
  const places = ['./docs', '../../../docs'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  return join(places.find((path) => existsSync(path)) ?? 'docs', page);
}

export function readAssets(): Assets {
  const folder = assetsFolder();
  const read = (...path: string[]) => readFileSync(join(folder, ...path), 'utf8');
  const migrations = readdirSync(join(folder, 'migrations'))
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({ name, version: versionOf(name) }));
  return {
    version: VERSION,
    migrations,
    migration: (name) => read('migrations', name),
    edgeFunction: (name) => read('functions', name, 'index.js'),
    uninstallSql: () => read('uninstall.sql'),
  };
}

/** The number that orders migrations: the beginning of the file's name. */
export const versionOf = (name: string): string => name.slice(0, name.indexOf('_'));
