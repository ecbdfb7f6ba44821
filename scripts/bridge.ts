// `npm run bridge`: the bridge to Temporal, with the packages that it needs. docs/operations/bridge.md has its settings.
// Without DATABASE_URL it connects to the running stack.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DEFAULT_DATA_DIR, ROOT } from './stack/options.ts';
import { installTemporalPackages, TEMPORAL } from './temporal/packages.ts';

const ofStack = join(ROOT, DEFAULT_DATA_DIR, 'worker.env');
if (!process.env.DATABASE_URL && existsSync(ofStack)) {
  process.loadEnvFile(ofStack);
  process.env.DATABASE_DIRECT ??= 'true';
}

if (installTemporalPackages()) {
  // By its URL: the checks of the root do not know the packages of temporal/.
  await import(pathToFileURL(join(TEMPORAL, 'bridge', 'main.ts')).href);
} else {
  console.error('npm ci failed in temporal/; see above.');
  process.exitCode = 1;
}
