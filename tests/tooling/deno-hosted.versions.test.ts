// The two versions of Deno: the current one runs everything here, the hosted one checks the functions only.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { HOSTED_VERSION, hostedDeno } from '../../scripts/deno-hosted.ts';
import { ROOT } from '../../scripts/stack/options.ts';

const versionOf = (program: string) =>
  /^deno (\S+)/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[1];
const json = (file: string) => JSON.parse(readFileSync(join(ROOT, file), 'utf8'));

test('every platform has the same hosted version', () => {
  const hosted = Object.entries<string>(json('package.json').optionalDependencies).filter(
    ([name]) => name.startsWith('deno-hosted-'),
  );
  expect(hosted.length).toBeGreaterThan(3);
  for (const [name, range] of hosted) {
    expect(range, name).toMatch(
      new RegExp(`^npm:@deno/.+@${HOSTED_VERSION.replaceAll('.', '\\.')}$`),
    );
  }
});

test('the hosted program has this version', () => {
  const program = hostedDeno();
  if (program !== undefined) expect(versionOf(program)).toBe(HOSTED_VERSION);
});

test('`deno` in the scripts of package.json is the current version', () => {
  const current = json('package-lock.json').packages['node_modules/deno'].version;
  expect(versionOf(join(ROOT, 'node_modules', '.bin', 'deno'))).toBe(current);
});
