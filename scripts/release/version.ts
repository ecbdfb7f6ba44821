// Makes the next version of the pending changesets: changesets choose the number and write CHANGELOG.md; then every other
// place that states the version follows, and a migration sets stepbase.version().

import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compareVersions } from '../../functions/_shared/version.ts';
import { ROOT } from '../stack/options.ts';
import { afterVersion, beforeVersion } from './changelog.ts';
import { changesSchema, currentMigrations, prefixAfter, readManifests } from './manifest.ts';
import {
  addVersionMigration,
  editVersionMigration,
  packageVersion,
  readSchemaVersions,
  type SchemaVersions,
  writePackageVersion,
  writeSchemaFrom,
  writeVersion,
} from './places.ts';

/** The first release counts from here: one minor change makes it 0.1.0. */
const BEFORE_FIRST = '0.0.0';
const FIRST = '---\nstepbase: minor\n---\n\nFirst release.\n';

export interface VersionOptions {
  /** Raises the oldest functions or clients that work with the schema of this version. */
  oldestFunctions?: string | undefined;
  oldestClient?: string | undefined;
  /** The time of the migration. */
  now?: Date;
}

export interface NewVersion {
  version: string;
  /** Undefined if an unreleased migration was edited. */
  migration: string | undefined;
}

/** Runs changesets; they have the list of changes and their kinds. */
async function runChangesets(root: string): Promise<void> {
  const program = join(ROOT, 'node_modules', '.bin', 'changeset');
  try {
    await promisify(execFile)(program, ['version'], { cwd: root });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    if (/no (unreleased )?changesets/i.test(stdout + stderr)) {
      throw new Error('there is no changeset, so there is nothing to release: npx changeset');
    }
    throw new Error(`changeset version failed:\n${stdout}${stderr}`);
  }
}

async function nextNumber(root: string, isFirst: boolean): Promise<string> {
  const path = join(root, 'CHANGELOG.md');
  const kept = await readFile(path, 'utf8');
  const given = await packageVersion(root);
  const own = join(root, '.changeset', 'first-release.md');
  const { text, unreleased } = beforeVersion(kept);
  await writeFile(path, text);
  if (isFirst) {
    await writePackageVersion(root, BEFORE_FIRST);
    await writeFile(own, FIRST);
  }
  try {
    await runChangesets(root);
    const version = await packageVersion(root);
    await writeFile(path, afterVersion(await readFile(path, 'utf8'), version, unreleased));
    return version;
  } catch (error) {
    // As before: the command can be repeated.
    await rm(own, { force: true });
    await writeFile(path, kept);
    await writePackageVersion(root, given);
    throw error;
  }
}

const majorOf = (version: string) => Number(version.split('.')[0]);

export async function makeVersion(root: string, options: VersionOptions = {}): Promise<NewVersion> {
  const released = (await readManifests(root)).at(-1);
  const before = await readSchemaVersions(root);
  const current = await currentMigrations(root);
  const version = await nextNumber(root, released === undefined);
  await writeVersion(root, version);
  if (released === undefined || changesSchema(released.migrations, current)) {
    await writeSchemaFrom(root, version);
  }

  const fromReleased = new Set(released?.migrations.map(({ name }) => name));
  const isBreaking =
    released === undefined || majorOf(version) > majorOf(released.version) ? version : undefined;
  // pg-boss works with exactly one version of its tables.
  const hasNewQueue = current.some(({ name }) => !fromReleased.has(name) && /pgboss/.test(name));
  const versions: SchemaVersions = {
    version,
    oldest_functions:
      options.oldestFunctions ??
      isBreaking ??
      (hasNewQueue ? version : before.versions.oldest_functions),
    oldest_client: options.oldestClient ?? isBreaking ?? before.versions.oldest_client,
  };
  for (const oldest of [versions.oldest_functions, versions.oldest_client]) {
    if (compareVersions(oldest, version) > 0) throw new Error(`${oldest} is newer than ${version}`);
  }
  if (!fromReleased.has(before.name)) {
    await editVersionMigration(root, before.name, versions);
    return { version, migration: undefined };
  }
  const names = current.map(({ name }) => name);
  const prefix = prefixAfter(names, options.now ?? new Date());
  return { version, migration: await addVersionMigration(root, prefix, versions) };
}
