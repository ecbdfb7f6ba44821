// `npm run test:temporal [-- files]`: compiled workflows and the bridge against a real server of Temporal. It installs the
// packages of temporal/ first. Where no server can run, it says so in one line and succeeds.

import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../stack/options.ts';

const folder = join(ROOT, 'temporal');

function installPackages(): boolean {
  const installed = join(folder, 'node_modules', '.package-lock.json');
  const lock = join(folder, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return true;
  console.log('Installing the packages of temporal/ (npm ci) …');
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = spawnSync('npm', args, {
    cwd: folder,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  return result.status === 0;
}

if (!installPackages()) {
  console.error('npm ci failed in temporal/; see above.');
  process.exitCode = 1;
} else {
  const { missing } = await import('../../temporal/server/binary.ts');
  const reason = missing();
  if (reason !== undefined) {
    console.log(`The tests against Temporal did not run: ${reason}.`);
  } else {
    const { status } = spawnSync(
      process.execPath,
      [
        join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'),
        'run',
        '--config',
        join(folder, 'vitest.config.ts'),
        ...process.argv.slice(2),
      ],
      { cwd: folder, stdio: 'inherit' },
    );
    process.exitCode = status ?? 1;
  }
}
