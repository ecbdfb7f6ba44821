// CI runs the command that the README gives to developers, and the workflow covers the supported versions.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { installedVersions } from '../support/debian-postgres.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test('.ci/run runs exactly the test command of the README', () => {
  const commands = read('.ci/run')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(commands.at(-1)).toBe('exec npm test');
  expect(commands).toHaveLength(2);
  expect(read('README.md')).toMatch(/^npm test /m);
});

describe('the workflow', () => {
  const workflow = read('.github/workflows/ci.yml');

  test('runs .ci/run with the history and each supported PostgreSQL', () => {
    expect(workflow).toContain('postgres: ["15", "17", "18"]');
    expect(workflow).toContain('run: .ci/run');
    expect(workflow).toContain('fetch-depth: 0');
  });

  test('runs the long suites every night', () => {
    expect(workflow).toMatch(/schedule:\n\s+- cron: "/);
    expect(workflow).toContain('run: npm run test:long');
  });
});

test('a PostgreSQL version that CI names but that is not installed is an error', async () => {
  const before = process.env.STEPBASE_TEST_POSTGRES;
  process.env.STEPBASE_TEST_POSTGRES = '3';
  try {
    await expect(installedVersions()).rejects.toThrow('PostgreSQL 3 is not in');
  } finally {
    if (before === undefined) delete process.env.STEPBASE_TEST_POSTGRES;
    else process.env.STEPBASE_TEST_POSTGRES = before;
  }
});
