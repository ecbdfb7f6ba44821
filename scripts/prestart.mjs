// Runs before every npm script, on any Node from 20: installs the dependencies if node_modules is missing or older
// than the lock file. Plain JavaScript without dependencies.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lock = join(root, 'package-lock.json');
// npm writes this file at the end of every install: the installed packages, in the form of a lock file.
const installed = join(root, 'node_modules', '.package-lock.json');

const major = Number(process.versions.node.split('.')[0]);
if (major < 20) {
  console.error(`Stepbase needs Node 20 or newer to set itself up; this is ${process.version}.`);
  process.exit(1);
}

/** Git can touch the lock file without a change of its content; then nothing needs to be installed. */
function matchesLockFile() {
  const read = (path) => JSON.parse(readFileSync(path, 'utf8')).packages;
  const [wanted, present] = [read(lock), read(installed)];
  const same = Object.entries(wanted).every(
    ([name, entry]) =>
      name === '' ||
      (present[name] === undefined ? entry.optional : present[name].version === entry.version),
  );
  return same && Object.keys(present).every((name) => wanted[name] !== undefined);
}

function isUpToDate() {
  if (!existsSync(installed)) return false;
  if (statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return true;
  if (!matchesLockFile()) return false;
  const now = new Date();
  utimesSync(installed, now, now);
  return true;
}

if (!isUpToDate()) {
  console.log('Installing the dependencies (npm ci) …');
  // npm passes its own path to scripts; a bare `node scripts/prestart.mjs` finds npm in the PATH.
  const cli = process.env.npm_execpath;
  // Not the Node inside node_modules: npm ci deletes it.
  const node = process.env.npm_node_execpath ?? process.execPath;
  // Packages declare engines for the Node that is installed with them, so warnings are suppressed.
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = cli?.endsWith('.js')
    ? spawnSync(node, [cli, ...args], { cwd: root, stdio: 'inherit' })
    : spawnSync('npm', args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
  if (result.status !== 0) {
    console.error('npm ci failed; see above.');
    process.exit(result.status ?? 1);
  }
}
