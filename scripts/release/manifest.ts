// The manifests of the releases: releases/<version>.json names each migration of a release with its hash. A released
// migration never changes, so the tree of a release is the files that its manifest names.

import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compareVersions } from '../../functions/_shared/version.ts';

export interface FrozenMigration {
  name: string;
  /** Of the bytes of the file, in hexadecimal digits. */
  sha256: string;
}

export interface Manifest {
  version: string;
  /** Sorted by name, the order in which they are applied. */
  migrations: FrozenMigration[];
}

export const migrationsFolder = (root: string) => join(root, 'supabase', 'migrations');
const releasesFolder = (root: string) => join(root, 'releases');

/** A migration that sets nothing but stepbase.version(). */
export const isVersionMigration = (name: string) => /^\d+_version(_\d+_\d+_\d+)?\.sql$/.test(name);

export async function currentMigrations(root: string): Promise<FrozenMigration[]> {
  const folder = migrationsFolder(root);
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  return await Promise.all(
    names.map(async (name) => ({
      name,
      sha256: createHash('sha256')
        .update(await readFile(join(folder, name)))
        .digest('hex'),
    })),
  );
}

/** All releases, the oldest first. */
export async function readManifests(root: string): Promise<Manifest[]> {
  const names = await readdir(releasesFolder(root)).catch(() => [] as string[]);
  const manifests = await Promise.all(
    names
      .filter((name) => name.endsWith('.json'))
      .map(async (name) => {
        const text = await readFile(join(releasesFolder(root), name), 'utf8');
        const manifest = JSON.parse(text) as Manifest;
        if (name !== `${manifest.version}.json`) {
          throw new Error(`releases/${name} has the version ${manifest.version}`);
        }
        return manifest;
      }),
  );
  return manifests.sort((one, other) => compareVersions(one.version, other.version));
}

export async function writeManifest(root: string, manifest: Manifest): Promise<string> {
  await mkdir(releasesFolder(root), { recursive: true });
  const path = join(releasesFolder(root), `${manifest.version}.json`);
  // `wx`: the manifest of a release is written once.
  await writeFile(path, `${JSON.stringify(manifest, null, 2)}\n`, { flag: 'wx' });
  return path;
}

/** The digits before the name of a new migration: the time, but later than all others. */
export function prefixAfter(names: readonly string[], now: Date): string {
  const time = now.toISOString().replaceAll(/\D/g, '').slice(0, 14);
  const last =
    names
      .map((name) => name.slice(0, name.indexOf('_')))
      .sort()
      .at(-1) ?? '';
  return time > last ? time : String(BigInt(last) + 1n);
}

const withoutVersions = (migrations: readonly FrozenMigration[]) =>
  migrations.filter(({ name }) => !isVersionMigration(name));

/** Whether the second list changes more of the schema than its version. */
export function changesSchema(
  before: readonly FrozenMigration[],
  after: readonly FrozenMigration[],
): boolean {
  return JSON.stringify(withoutVersions(before)) !== JSON.stringify(withoutVersions(after));
}
