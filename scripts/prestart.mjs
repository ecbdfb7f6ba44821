// Runs before every npm script that needs the dependencies, on whatever Node is there (20 or newer):
// installs when node_modules is missing or older than the lock file. Plain JavaScript, no dependencies.

import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// npm writes this file at the end of every install.
const installed = join(root, 'node_modules', '.package-lock.json');
const lock = join(root, 'package-lock.json');

const major = Number(process.versions.node.split('.')[0]);
if (major < 20) {
  console.error(`Stepbase needs Node 20 or newer to set itself up; this is ${process.version}.`);
  process.exit(1);
}

const upToDate = existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs;
if (!upToDate) {
  console.log('Installing the dependencies (npm ci) …');
  // npm tells scripts where it is itself; on a bare `node scripts/prestart.mjs` the PATH has to do.
  const cli = process.env.npm_execpath;
  // Not the Node inside node_modules: npm ci is about to delete it.
  const node = process.env.npm_node_execpath ?? process.execPath;
  // The engines of the packages are those of the Node that gets installed, not of this one: no warnings.
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = cli?.endsWith('.js')
    ? spawnSync(node, [cli, ...args], { cwd: root, stdio: 'inherit' })
    : spawnSync('npm', args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
  if (result.status !== 0) {
    console.error('npm ci failed; see above.');
    process.exit(result.status ?? 1);
  }
}
