// scripts/prestart.mjs installs only if necessary. The test uses a checkout of its own, and an `npm` that only records
// its calls.

import { spawnSync } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { ROOT } from '../../scripts/stack/options.ts';

const LOCK = {
  packages: {
    '': {},
    'node_modules/a': { version: '1.0.0' },
    'node_modules/mac': { version: '1.0.0', optional: true },
  },
};
const HIDDEN = { packages: { 'node_modules/a': { version: '1.0.0' } } };

let checkout: string;
const made: string[] = [];

beforeEach(async () => {
  checkout = await mkdtemp(join(tmpdir(), 'stepbase-prestart-'));
  made.push(checkout);
  await mkdir(join(checkout, 'scripts'));
  await mkdir(join(checkout, 'bin'));
  await cp(join(ROOT, 'scripts', 'prestart.mjs'), join(checkout, 'scripts', 'prestart.mjs'));
  await writeFile(join(checkout, 'package-lock.json'), JSON.stringify(LOCK));
  await writeFile(join(checkout, 'bin', 'npm'), '#!/bin/sh\necho "$@" >> npm-calls\n');
  await chmod(join(checkout, 'bin', 'npm'), 0o755);
});
afterAll(async () => {
  for (const folder of made) await rm(folder, { recursive: true, force: true });
});

async function install(hidden: unknown, ageSeconds: number): Promise<void> {
  await mkdir(join(checkout, 'node_modules'));
  const path = join(checkout, 'node_modules', '.package-lock.json');
  await writeFile(path, JSON.stringify(hidden));
  const then = Date.now() / 1000 - ageSeconds;
  await utimes(path, then, then);
}

async function prestart(): Promise<string> {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/prestart.mjs'], {
    cwd: checkout,
    env: { PATH: `${join(checkout, 'bin')}:${process.env.PATH}` },
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return await readFile(join(checkout, 'npm-calls'), 'utf8').catch(() => '');
}

test('without node_modules it runs npm ci', async () => {
  expect(await prestart()).toMatch(/^ci /);
});

test('with node_modules newer than the lock file it does nothing', async () => {
  await install(HIDDEN, -60);
  expect(await prestart()).toBe('');
});

test('a newer lock file with the same packages does not cause an installation', async () => {
  await install(HIDDEN, 3600);
  expect(await prestart()).toBe('');
});

test('another version causes an installation', async () => {
  await install({ packages: { 'node_modules/a': { version: '0.9.0' } } }, 3600);
  expect(await prestart()).toMatch(/^ci /);
});

test.each([
  ['a missing package', {}],
  ['an extra package', { ...HIDDEN.packages, 'node_modules/b': { version: '1.0.0' } }],
])('%s causes an installation', async (_what, packages) => {
  await install({ packages }, 3600);
  expect(await prestart()).toMatch(/^ci /);
});
