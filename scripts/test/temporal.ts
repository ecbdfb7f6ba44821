// `npm run test:temporal [-- files]`: compiled workflows and the bridge against a real server of Temporal. It installs the
// packages of temporal/ first. Where no server can run, it prints the reason in one line and succeeds.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../stack/options.ts';
import { installTemporalPackages, TEMPORAL } from '../temporal/packages.ts';

if (!installTemporalPackages()) {
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
        join(TEMPORAL, 'vitest.config.ts'),
        ...process.argv.slice(2),
      ],
      { cwd: TEMPORAL, stdio: 'inherit' },
    );
    process.exitCode = status ?? 1;
  }
}
