// Releases in a small repository of its own: changesets choose the version, every place follows, and a released migration
// can never change.

import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publicationProblems, releaseProblems } from '../../scripts/release/check.ts';
import { currentMigrations, readManifests, writeManifest } from '../../scripts/release/manifest.ts';
import {
  packageVersion,
  readSchemaFrom,
  readSchemaVersions,
} from '../../scripts/release/places.ts';
import { makeVersion } from '../../scripts/release/version.ts';
import { ROOT } from '../../scripts/stack/options.ts';

const MIGRATIONS = 'supabase/migrations';
const TABLE = `${MIGRATIONS}/20261101000200_things.sql`;
const COPIED = [
  '.changeset/config.json',
  'functions/_shared/version.ts',
  'sdk/src/version.ts',
  'sdk/package.json',
  'cli/package.json',
  'test-kit/package.json',
  `${MIGRATIONS}/20261101000105_version.sql`,
];
const CHANGELOG = `# Changelog

All notable changes.

## [Unreleased]

### Added

- A first thing.

### Fixed

- A second thing.
`;

let root: string;
const read = (name: string) => readFileSync(join(root, name), 'utf8');
function write(name: string, text: string): void {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), text);
}
const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t.example', ...args], {
    cwd: root,
    stdio: 'pipe',
  });
function commit(): void {
  git('add', '--all');
  git('commit', '--quiet', '--message', 'a change');
}
function changeset(kind: string, text: string): void {
  write(`.changeset/${kind}.md`, `---\nstepbase: ${kind}\n---\n\n${text}\n`);
  commit();
}
const freeze = async () =>
  await writeManifest(root, {
    version: await packageVersion(root),
    migrations: await currentMigrations(root),
  });
const state = async () => ({
  schemaFrom: await readSchemaFrom(root),
  ...(await readSchemaVersions(root)).versions,
});

/** The problems while a file has this text; undefined: while it is missing. */
async function problemsWith(name: string, text: string | undefined): Promise<string> {
  const before = read(name);
  if (text === undefined) rmSync(join(root, name));
  else write(name, text);
  try {
    return (await releaseProblems(root)).join('\n');
  } finally {
    write(name, before);
  }
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'stepbase-release-'));
  for (const name of COPIED) cpSync(join(ROOT, name), join(root, name), { recursive: true });
  const version = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;
  const about = { name: 'stepbase', version };
  write('package.json', JSON.stringify({ ...about, private: true }, null, 2));
  write(
    'package-lock.json',
    JSON.stringify({ ...about, lockfileVersion: 3, packages: { '': about } }, null, 2),
  );
  write('CHANGELOG.md', CHANGELOG);
  write(TABLE, 'create table things (id int);\n');
  write('.gitignore', 'node_modules\n');
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  git('init', '--quiet', '--initial-branch=main');
  commit();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('a tree without a release has one version in every place, and each other one is found', async () => {
  expect(await releaseProblems(root)).toEqual([]);
  const version = await packageVersion(root);
  for (const name of [...COPIED.slice(1), 'package-lock.json']) {
    expect(await problemsWith(name, read(name).replace(version, '0.0.7')), name).toContain('0.0.7');
  }
  expect((await publicationProblems(root)).join('\n')).toContain(`releases/${version}.json is mis`);
});

test('the first release is 0.1.0 with the list of changes so far', async () => {
  expect(await makeVersion(root)).toEqual({ version: '0.1.0', migration: undefined });
  const text = read('CHANGELOG.md');
  expect(text).not.toContain('Unreleased');
  expect(text).toMatch(
    /^# Changelog\n\nAll notable changes\.\n\n## 0\.1\.0\n\n### Minor Changes\n\n- .*First release\.\n\n### Added\n\n- A first thing\.\n\n### Fixed\n\n- A second thing\.\n$/,
  );
  await freeze();
  expect(await publicationProblems(root, 'v0.1.0')).toEqual([]);
  expect(await publicationProblems(root, 'v0.2.0')).toEqual(['v0.2.0 is not v0.1.0']);
  expect(await state()).toEqual({
    schemaFrom: '0.1.0',
    version: '0.1.0',
    oldest_functions: '0.1.0',
    oldest_client: '0.1.0',
  });
  await expect(freeze()).rejects.toThrow('EEXIST');
  commit();
});

test('a released migration that changes, is missing or gets a predecessor is found', async () => {
  expect(await problemsWith(TABLE, `${read(TABLE)} `)).toContain(
    'things.sql has changed; release 0.1.0',
  );
  expect(await problemsWith(TABLE, undefined)).toContain('things.sql is missing; release 0.1.0');
  const early = `${MIGRATIONS}/20261101000150_early.sql`;
  write(early, 'select 1;\n');
  expect((await releaseProblems(root)).join('\n')).toContain('stands before released ones');
  rmSync(join(root, early));
  expect(await releaseProblems(root)).toEqual([]);
});

test('without a changeset there is nothing to release, and the tree stays as it was', async () => {
  await expect(makeVersion(root)).rejects.toThrow('no changeset');
  expect(git('status', '--porcelain').toString()).toBe('');
});

test('a release without a change of the schema keeps the schema that functions need', async () => {
  changeset('patch', 'A button is blue.');
  expect(await publicationProblems(root)).toContain(
    '.changeset/patch.md is not part of 0.1.0: npm run release -- version',
  );
  const { version, migration } = await makeVersion(root, { now: new Date('2027-02-03T04:05:06Z') });
  expect([version, migration]).toEqual(['0.1.1', '20270203040506_version_0_1_1.sql']);
  expect(await state()).toEqual({
    schemaFrom: '0.1.0',
    version: '0.1.1',
    oldest_functions: '0.1.0',
    oldest_client: '0.1.0',
  });
  expect(read('CHANGELOG.md')).toMatch(
    /## 0\.1\.1\n\n### Patch Changes\n\n- .*blue[\s\S]+## 0\.1\.0/,
  );
  await freeze();
  expect(await publicationProblems(root, 'v0.1.1')).toEqual([]);
  const name = 'functions/_shared/version.ts';
  const early = read(name).replace("SCHEMA_FROM = '0.1.0'", "SCHEMA_FROM = '0.1.1'");
  expect(await problemsWith(name, early)).toContain(
    'SCHEMA_FROM is 0.1.1; the schema is that of 0.1.0',
  );
  commit();
});

test('a release with a migration needs its own schema, and old functions still work with it', async () => {
  write(`${MIGRATIONS}/20270301000000_more.sql`, 'alter table things add column more int;\n');
  changeset('minor', 'Things have more.');
  // The clock of this machine is behind that of the last migration.
  const { migration } = await makeVersion(root, { now: new Date('2027-01-01T00:00:00Z') });
  expect(migration).toBe('20270301000001_version_0_2_0.sql');
  expect(await state()).toMatchObject({ schemaFrom: '0.2.0', oldest_functions: '0.1.0' });
  await freeze();
  expect(await publicationProblems(root)).toEqual([]);
  commit();
});

test('a new queue ends the work of older functions, and a major version also that of older clients', async () => {
  write(`${MIGRATIONS}/20270401000000_pgboss_40.sql`, 'select 1;\n');
  changeset('patch', 'The queue is faster.');
  await makeVersion(root, { now: new Date('2027-04-02T00:00:00Z') });
  expect(await state()).toMatchObject({ oldest_functions: '0.2.1', oldest_client: '0.1.0' });
  await freeze();
  commit();
  changeset('major', 'Everything is new.');
  await makeVersion(root, { now: new Date('2027-05-01T00:00:00Z') });
  expect(await state()).toEqual({
    schemaFrom: '0.2.1',
    version: '1.0.0',
    oldest_functions: '1.0.0',
    oldest_client: '1.0.0',
  });
  await freeze();
  expect(await publicationProblems(root, 'v1.0.0')).toEqual([]);
  expect((await readManifests(root)).map(({ version }) => version)).toEqual([
    '0.1.0',
    '0.1.1',
    '0.2.0',
    '0.2.1',
    '1.0.0',
  ]);
  expect(readdirSync(join(root, '.changeset'))).toEqual(['config.json']);
});

test('this repository keeps its releases', async () => {
  expect(await releaseProblems(ROOT)).toEqual([]);
});
