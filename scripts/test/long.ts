// `npm run test:long`: the long suites of tests/long. They run nightly, and before a change of the engine is
// finished; `npm test` runs a short form of each.

import { missing } from '../../temporal/server/binary.ts';
import { LONG_SUITE, temporalPart, vitestPart } from './parts.ts';
import { Session } from './session.ts';

const LIMIT_MS = 4 * 60 * 60_000;

const session = new Session({ limitMs: LIMIT_MS, cleanUp: async () => undefined });

await session.finish(async () => {
  session.calibrate();
  await session.run(vitestPart(LONG_SUITE));
  const reason = missing();
  if (reason === undefined) await session.run(temporalPart());
  else console.log(`The tests against Temporal did not run: ${reason}.`);
});
