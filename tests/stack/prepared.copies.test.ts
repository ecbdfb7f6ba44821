// Copies of the prepared cluster, of which the throw-away stacks of `npm test` start. Here the cluster is one file; every
// test on a stack uses a real copy.

import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadKeys } from '../../scripts/stack/keys.ts';
import { clusterFolder } from '../../scripts/stack/postgres/cluster.ts';
import { postgresAccount, prepareDataDir } from '../../scripts/stack/postgres/system-user.ts';
import { copyPrepared, PREPARED, preparedContent } from '../../scripts/stack/prepared.ts';

const ofTheRun = process.env[PREPARED];
let prepared: string;
let copy: string;

beforeEach(async () => {
  prepared = await mkdtemp(join(tmpdir(), 'stepbase-prepared-'));
  copy = await mkdtemp(join(tmpdir(), 'stepbase-copy-'));
  await prepareDataDir(prepared, postgresAccount());
  await mkdir(clusterFolder(prepared), { recursive: true });
  await writeFile(join(clusterFolder(prepared), 'PG_VERSION'), '18\n');
  for (const name of ['migrations.json', 'seeded']) await writeFile(join(prepared, name), '{}');
  process.env[PREPARED] = prepared;
});
afterEach(async () => {
  if (ofTheRun === undefined) delete process.env[PREPARED];
  else process.env[PREPARED] = ofTheRun;
  for (const folder of [prepared, copy]) {
    await rm(clusterFolder(folder), { recursive: true, force: true });
    await rm(folder, { recursive: true, force: true });
  }
});

test('a copy has the cluster and what a start remembers of it, and keys of its own', async () => {
  await writeFile(join(prepared, 'prepared'), await preparedContent());
  const of = await loadKeys(prepared);
  const keys = await copyPrepared(copy);
  expect(await readFile(join(clusterFolder(copy), 'PG_VERSION'), 'utf8')).toBe('18\n');
  for (const name of ['migrations.json', 'seeded']) expect(existsSync(join(copy, name))).toBe(true);
  expect(await loadKeys(copy)).toEqual(keys);
  // The password is in the cluster; the keys of one stack open no other one.
  expect(keys?.servicePassword).toBe(of.servicePassword);
  for (const name of ['jwtSecret', 'secretKey', 'publishableKey', 'redisToken'] as const) {
    expect(keys?.[name]).not.toBe(of[name]);
  }
});

test('a cluster of other migrations, of an unfinished preparation, and no cluster are not copied', async () => {
  expect(await copyPrepared(copy)).toBeUndefined();
  await writeFile(join(prepared, 'prepared'), 'other content');
  expect(await copyPrepared(copy)).toBeUndefined();
  delete process.env[PREPARED];
  expect(await copyPrepared(copy)).toBeUndefined();
  expect(existsSync(join(copy, 'keys.json'))).toBe(false);
  expect(existsSync(clusterFolder(copy))).toBe(false);
});
