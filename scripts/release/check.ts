// What is wrong with the versions and the frozen migrations of a tree, as sentences.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { compareVersions } from '../../functions/_shared/version.ts';
import { changesSchema, currentMigrations, type Manifest, readManifests } from './manifest.ts';
import { otherVersions, packageVersion, readSchemaFrom, readSchemaVersions } from './places.ts';

const RESTORE = 'restore it, and write the change as a new migration';

async function frozenProblems(root: string, manifests: readonly Manifest[]): Promise<string[]> {
  const current = await currentMigrations(root);
  const hashes = new Map(current.map(({ name, sha256 }) => [name, sha256]));
  const released = new Set(manifests.flatMap(({ migrations }) => migrations.map((m) => m.name)));
  const changed = manifests.flatMap(({ version, migrations }) =>
    migrations.flatMap(({ name, sha256 }) => {
      const found = hashes.get(name);
      if (found === sha256) return [];
      const what = found === undefined ? 'is missing' : 'has changed';
      return [`supabase/migrations/${name} ${what}; release ${version} has it: ${RESTORE}`];
    }),
  );
  const lastReleased = [...released].sort().at(-1);
  const between = current.filter(
    ({ name }) => lastReleased !== undefined && !released.has(name) && name < lastReleased,
  );
  return [
    ...new Set(changed),
    ...between.map(
      ({ name }) =>
        `supabase/migrations/${name} stands before released ones: name it after ${lastReleased}`,
    ),
  ];
}

/** The first release whose schema differs from that of the last one in its version only. */
export function schemaFromOf(manifests: readonly Manifest[]): string | undefined {
  const last = manifests.at(-1);
  if (last === undefined) return undefined;
  const others = manifests.slice(0, -1).reverse();
  const older = others.findIndex(({ migrations }) => changesSchema(migrations, last.migrations));
  const same = older === -1 ? others : others.slice(0, older);
  return (same.at(-1) ?? last).version;
}

export async function releaseProblems(root: string): Promise<string[]> {
  const version = await packageVersion(root);
  const manifests = await readManifests(root);
  const last = manifests.at(-1);
  const schemaFrom = await readSchemaFrom(root);
  const { name, versions } = await readSchemaVersions(root);
  const problems = [
    ...(await otherVersions(root, version)),
    ...(await frozenProblems(root, manifests)),
  ];
  if (versions.version !== version) {
    problems.push(`${name}: stepbase.version() is ${versions.version}, not ${version}`);
  }
  for (const [what, value] of [
    ['SCHEMA_FROM', schemaFrom],
    ['oldest_functions', versions.oldest_functions],
    ['oldest_client', versions.oldest_client],
  ] as const) {
    if (compareVersions(value, version) > 0) {
      problems.push(`${what} is ${value}, which is newer than ${version}`);
    }
  }
  if (last !== undefined && compareVersions(last.version, version) > 0) {
    problems.push(`package.json has ${version}, but ${last.version} is released`);
  }
  const wanted = last?.version === version ? schemaFromOf(manifests) : undefined;
  if (wanted !== undefined && schemaFrom !== wanted) {
    problems.push(
      `functions/_shared/version.ts: SCHEMA_FROM is ${schemaFrom}; the schema is that of ${wanted}`,
    );
  }
  return problems;
}

/** What else keeps this tree from being published: it must be exactly the release that it names. */
export async function publicationProblems(root: string, tag?: string): Promise<string[]> {
  const version = await packageVersion(root);
  const problems = await releaseProblems(root);
  if (tag !== undefined && tag !== `v${version}`) problems.push(`${tag} is not v${version}`);
  const manifest = (await readManifests(root)).find((one) => one.version === version);
  if (manifest === undefined) {
    problems.push(`releases/${version}.json is missing: npm run release -- freeze`);
  } else {
    const names = new Set(manifest.migrations.map(({ name }) => name));
    for (const { name } of await currentMigrations(root)) {
      if (!names.has(name)) problems.push(`supabase/migrations/${name} is not part of ${version}`);
    }
  }
  const pending = await readdir(join(root, '.changeset'));
  for (const name of pending.filter((one) => one.endsWith('.md') && one !== 'README.md')) {
    problems.push(`.changeset/${name} is not part of ${version}: npm run release -- version`);
  }
  return problems;
}
