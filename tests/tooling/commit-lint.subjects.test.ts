// Commit subjects: the rules of the convention, the commits that are checked, and the behaviour without a history.

import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lintCommits, subjectProblems } from '../../scripts/commit-lint.ts';

describe('a subject', () => {
  test.each([
    'feat(engine): add a lease to each token',
    'fix: recount in-flight runs when a limit changes',
    'refactor(worker/steps)!: pass the services to each handler',
    'docs(readme): `npm run help` lists every command',
    `chore: ${'x'.repeat(65)}`,
  ])('is accepted: %s', (subject) => {
    expect(subjectProblems(subject)).toEqual([]);
  });

  test.each([
    ['Leases are renewed by the worker', 'type(scope): imperative'],
    ['feature(engine): add a lease', 'type(scope): imperative'],
    ['fix(Engine): add a lease', 'type(scope): imperative'],
    ['fix:add a lease', 'type(scope): imperative'],
    ['Revert "feat: add a lease"', 'type(scope): imperative'],
    ['fixup! feat: add a lease', 'type(scope): imperative'],
    ['fix: Add a lease', 'lower case'],
    ['fix: add a lease.', 'period'],
    ['fix: added a lease', 'imperative, not "added"'],
    ['fix: removes the lease', 'imperative, not "removes"'],
    [`chore: ${'x'.repeat(66)}`, 'has 73 characters'],
  ])('is refused: %s', (subject, reason) => {
    expect(subjectProblems(subject).join()).toContain(reason);
  });
});

describe('a repository', () => {
  let folder: string;
  let base: string;
  const git = (cwd: string, ...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=Test', '-c', 'user.email=test@test.example', ...args], {
      cwd,
      encoding: 'utf8',
      timeout: 30_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  const commit = (subject: string) =>
    git(join(folder, 'main'), 'commit', '--allow-empty', '--no-verify', '-m', subject);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stepbase-commits-'));
    git(folder, 'init', '--quiet', '--initial-branch=main', 'main');
    commit('An old subject, from before the convention');
    base = git(join(folder, 'main'), 'rev-parse', 'HEAD');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('checks only commits after the base, without merges', () => {
    commit('feat(api): add a route');
    git(join(folder, 'main'), 'checkout', '--quiet', '-b', 'side', base);
    commit('Broken subject');
    git(join(folder, 'main'), 'checkout', '--quiet', 'main');
    git(join(folder, 'main'), 'merge', '--no-ff', '-m', 'Merge branch side', 'side');
    const { checked, problems } = lintCommits(join(folder, 'main'), base);
    expect(checked).toBe(2);
    expect(problems).toEqual([expect.stringMatching(/^[0-9a-f]+ "Broken subject" must be/)]);
  });

  test('checks all commits of a shallow clone without the base, because they are newer', () => {
    commit('fix(api): answer at once');
    git(folder, 'clone', '--quiet', '--depth=1', `file://${join(folder, 'main')}`, 'shallow');
    expect(lintCommits(join(folder, 'shallow'), base)).toEqual({ checked: 1, problems: [] });
  });

  test('skips the check with a reason if there is no history', async () => {
    const empty = await mkdtemp(join(folder, 'empty-'));
    expect(lintCommits(empty).skipped).toContain('no git history');
    git(empty, 'init', '--quiet');
    expect(lintCommits(empty).skipped).toContain('no commit');
  });

  test('reports a history that cannot be read as an error', async () => {
    const broken = await mkdtemp(join(folder, 'broken-'));
    git(broken, 'init', '--quiet');
    await rm(join(broken, '.git', 'HEAD'));
    expect(() => lintCommits(broken)).toThrow('git cannot read this history');
  });
});
