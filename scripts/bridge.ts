// `npm run bridge`: the bridge to Temporal, with the packages that it needs. docs/operations/bridge.md has its settings.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installTemporalPackages, TEMPORAL } from './temporal/packages.ts';

if (installTemporalPackages()) {
  // By its URL: the checks of the root do not know the packages of temporal/.
  await import(pathToFileURL(join(TEMPORAL, 'bridge', 'main.ts')).href);
} else {
  console.error('npm ci failed in temporal/; see above.');
  process.exitCode = 1;
}
