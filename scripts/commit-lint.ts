// Checks the subjects of all commits after the first one that follows the convention: `type(scope): imperative`,
// at most 72 characters. Part of `npm run check`; without a git history there is nothing to check.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Commits up to this one are older than the convention. */
export const BASE = '6e7df39c9683d6738d0d8d0ddaa180a34578155b';

const MAX_LENGTH = 72;
const TYPES = [
  'feat',
  'fix',
  'docs',
  'refactor',
  'perf',
  'test',
  'build',
  'ci',
  'chore',
  'style',
  'revert',
];
const SUBJECT = new RegExp(`^(?:${TYPES.join('|')})(?:\\([a-z0-9][a-z0-9/._-]*\\))?!?: (.*)$`);
/** Common first verbs of commits in another form than the imperative. */
const NOT_IMPERATIVE =
  /^(?:(?:add|allow|check|count|document|fix|implement|introduce|mak|mov|updat|remov|chang|renam|replac|us|improv|report|support|test|return|handl|writ|read|split)(?:s|es|ed|d|ing)|made|wrote|moved|now)\b/;

/** Each way in which the subject breaks the convention. */
export function subjectProblems(subject: string): string[] {
  const problems: string[] = [];
  if (subject.length > MAX_LENGTH) {
    problems.push(`has ${subject.length} characters; the limit is ${MAX_LENGTH}`);
  }
  const text = SUBJECT.exec(subject)?.[1];
  if (text === undefined) {
    problems.push(`must be \`type(scope): imperative\` with a type of: ${TYPES.join(', ')}`);
    return problems;
  }
  if (!/^[a-z0-9`'"/.]/.test(text)) problems.push('must start in lower case after the colon');
  if (NOT_IMPERATIVE.test(text))
    problems.push(`must start with an imperative, not "${text.split(' ')[0]}"`);
  if (text.endsWith('.')) problems.push('must not end with a period');
  return problems;
}

export interface LintResult {
  checked: number;
  /** One line for each commit that breaks the convention. */
  problems: string[];
  /** Why nothing was checked. */
  skipped?: string;
}

/** Throws when there is a git history that cannot be read. */
export function lintCommits(root: string, base = BASE): LintResult {
  if (!existsSync(join(root, '.git'))) {
    return { checked: 0, problems: [], skipped: 'there is no git history (no .git)' };
  }
  const git = (...args: string[]) => {
    // A checkout may belong to another user than the one who checks it.
    const command = ['-c', 'safe.directory=*', ...args];
    const result = spawnSync('git', command, { cwd: root, encoding: 'utf8', timeout: 30_000 });
    if (result.error) throw new Error(`git cannot be run: ${result.error.message}`);
    return { ok: result.status === 0, out: result.stdout.trim(), error: result.stderr.trim() };
  };
  if (!git('rev-parse', '--verify', '--quiet', 'HEAD').ok) {
    const status = git('status');
    if (!status.ok) throw new Error(`git cannot read this history: ${status.error}`);
    return { checked: 0, problems: [], skipped: 'there is no commit yet' };
  }
  // A shallow clone may end before the base: then every commit it has is newer.
  const hasBase = git('cat-file', '-e', `${base}^{commit}`).ok;
  const range = hasBase ? [`${base}..HEAD`] : ['HEAD'];
  const log = git('log', '--no-merges', '--format=%h%x09%s', ...range);
  if (!log.ok) throw new Error(`git log failed: ${log.error}`);
  const commits = log.out.split('\n').filter((line) => line !== '');
  const problems = commits.flatMap((line) => {
    const [hash = '', subject = ''] = line.split('\t', 2);
    const wrong = subjectProblems(subject);
    return wrong.length > 0 ? [`${hash} "${subject}" ${wrong.join('; ')}`] : [];
  });
  return { checked: commits.length, problems };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const root = fileURLToPath(new URL('..', import.meta.url));
    const { checked, problems, skipped } = lintCommits(root);
    for (const problem of problems) console.log(problem);
    if (skipped) console.log(`skipped: ${skipped}`);
    else console.log(`${checked} commits checked, ${problems.length} with a wrong subject`);
    process.exitCode = problems.length === 0 ? 0 : 1;
  } catch (error) {
    console.error(`commit-lint: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
