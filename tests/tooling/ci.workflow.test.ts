// CI runs the command that the README gives to developers, and the workflow covers the supported versions.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
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

describe('the workflow of a release', () => {
  const workflow = parse(read('.github/workflows/release.yml')) as {
    jobs: Record<string, { steps: { uses?: string; run?: string }[] }>;
  };
  const commands = (job: string) => workflow.jobs[job]?.steps.map(({ run = '' }) => run).join('\n');

  test('uses only actions of GitHub itself', () => {
    for (const name of ['ci', 'release']) {
      const used = [...read(`.github/workflows/${name}.yml`).matchAll(/uses: (\S+)/g)];
      expect(used.length).toBeGreaterThan(0);
      for (const [, action] of used) expect(action).toMatch(/^actions\//);
    }
  });

  test('freezes a version before it opens a pull request', () => {
    expect(commands('prepare')).toMatch(
      /release -- version [\s\S]+npm run docs[\s\S]+release -- freeze[\s\S]+check --published[\s\S]+gh pr create/,
    );
  });

  test('checks the tag and runs the tests before it publishes each package', () => {
    expect(commands('publish')).toMatch(
      /check --tag[\s\S]+\.ci\/run[\s\S]+repository\.url=\S+GITHUB_REPOSITORY[\s\S]+release -- pack[\s\S]+npm publish/,
    );
    const names = ['sdk', 'test-kit', 'cli'].map(
      (folder) => (JSON.parse(read(`${folder}/package.json`)) as { name: string }).name,
    );
    expect(commands('publish')).toContain(`for name in ${names.join(' ')}; do`);
  });

  test('a pull request without a changeset fails', () => {
    expect(read('.github/workflows/ci.yml')).toContain(
      'npx changeset status --since "origin/$BASE"',
    );
  });
});
