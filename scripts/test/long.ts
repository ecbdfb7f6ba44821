// `npm run test:long`: the long suites of tests/long. They run nightly, and before a change of the engine is
// finished; `npm test` runs a short form of each.

import { LONG_SUITE, vitestPart } from './parts.ts';
import { Session } from './session.ts';

const LIMIT_MS = 4 * 60 * 60_000;

const session = new Session({ limitMs: LIMIT_MS, cleanUp: async () => undefined });

await session.finish(async () => {
  session.calibrate();
  await session.run(vitestPart(LONG_SUITE));
});
