// The files that state the version. The SDK, the CLI, the test kit, the functions and the schema have one version, which
// changesets writes into package.json; all other places follow it.

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isVersionMigration, migrationsFolder } from './manifest.ts';

const VERSION = String.raw`\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?`;

interface Place {
  file: string;
  /** What the version is for. */
  what: string;
  /** Its second group is the version. */
  pattern: RegExp;
}

const jsonVersion = new RegExp(String.raw`^(\{[^{}]*?"version": ")(${VERSION})(")`, 's');
const constant = (name: string) => new RegExp(`(export const ${name} = ')(${VERSION})(')`);

const PLACES: readonly Place[] = [
  ...['sdk', 'cli', 'test-kit'].map((folder) => ({
    file: `${folder}/package.json`,
    what: 'version',
    pattern: jsonVersion,
  })),
  {
    file: 'test-kit/package.json',
    what: 'peer dependency',
    pattern: new RegExp(`("stepbase": ")(${VERSION})(")`),
  },
  { file: 'package-lock.json', what: 'version', pattern: jsonVersion },
  {
    file: 'package-lock.json',
    what: 'version of the root',
    pattern: new RegExp(String.raw`("": \{\s+"name": "stepbase",\s+"version": ")(${VERSION})(")`),
  },
  { file: 'functions/_shared/version.ts', what: 'VERSION', pattern: constant('VERSION') },
  { file: 'sdk/src/version.ts', what: 'VERSION', pattern: constant('VERSION') },
];

const SCHEMA_FROM = { file: 'functions/_shared/version.ts', pattern: constant('SCHEMA_FROM') };

async function readGroup(root: string, { file, pattern }: Pick<Place, 'file' | 'pattern'>) {
  const found = pattern.exec(await readFile(join(root, file), 'utf8'));
  if (found?.[2] === undefined) throw new Error(`${file} has no version at its place`);
  return found[2];
}

async function writeGroup(
  root: string,
  { file, pattern }: Pick<Place, 'file' | 'pattern'>,
  version: string,
): Promise<void> {
  const path = join(root, file);
  const text = await readFile(path, 'utf8');
  const written = text.replace(pattern, `$1${version}$3`);
  if (written !== text) await writeFile(path, written);
}

export async function packageVersion(root: string): Promise<string> {
  const text = await readFile(join(root, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

export async function writePackageVersion(root: string, version: string): Promise<void> {
  await writeGroup(root, { file: 'package.json', pattern: jsonVersion }, version);
}

/** The places whose version is another one, as sentences. */
export async function otherVersions(root: string, version: string): Promise<string[]> {
  const found = await Promise.all(
    PLACES.map(async (place) => ({ ...place, version: await readGroup(root, place) })),
  );
  return found
    .filter((place) => place.version !== version)
    .map((place) => `${place.file}: ${place.what} is ${place.version}, not ${version}`);
}

export async function writeVersion(root: string, version: string): Promise<void> {
  // One after another: some are in the same file.
  for (const place of PLACES) await writeGroup(root, place, version);
}

export const readSchemaFrom = (root: string) => readGroup(root, SCHEMA_FROM);
export const writeSchemaFrom = (root: string, version: string) =>
  writeGroup(root, SCHEMA_FROM, version);

/** The members of stepbase.version(). */
export interface SchemaVersions {
  version: string;
  oldest_functions: string;
  oldest_client: string;
}

const SQL = new RegExp(
  `'version', '(${VERSION})', 'oldest_functions', '(${VERSION})', 'oldest_client', '(${VERSION})'`,
);

const sqlOf = ({ version, oldest_functions, oldest_client }: SchemaVersions) =>
  `'version', '${version}', 'oldest_functions', '${oldest_functions}', 'oldest_client', '${oldest_client}'`;

/** The newest migration that sets stepbase.version(), and what it sets. */
export async function readSchemaVersions(
  root: string,
): Promise<{ name: string; versions: SchemaVersions }> {
  const folder = migrationsFolder(root);
  const name = (await readdir(folder)).filter(isVersionMigration).sort().at(-1);
  if (name === undefined) throw new Error('no migration sets stepbase.version()');
  const [, version = '', oldest_functions = '', oldest_client = ''] =
    SQL.exec(await readFile(join(folder, name), 'utf8')) ?? [];
  if (version === '') throw new Error(`${name} does not set stepbase.version()`);
  return { name, versions: { version, oldest_functions, oldest_client } };
}

/** Sets stepbase.version() in a migration that is not released yet. */
export async function editVersionMigration(
  root: string,
  name: string,
  versions: SchemaVersions,
): Promise<void> {
  const path = join(migrationsFolder(root), name);
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace(SQL, sqlOf(versions)));
}

/** Writes the migration of a later release. Comment and grants of the function stay. */
export async function addVersionMigration(
  root: string,
  prefix: string,
  versions: SchemaVersions,
): Promise<string> {
  const name = `${prefix}_version_${versions.version.replaceAll(/[.-]/g, '_')}.sql`;
  const text = `-- The schema of release ${versions.version}. Written by \`npm run release -- version\`.

create or replace function stepbase.version()
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(${sqlOf(versions)});
$$;
`;
  await writeFile(join(migrationsFolder(root), name), text, { flag: 'wx' });
  return name;
}
