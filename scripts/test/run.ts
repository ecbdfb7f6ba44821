// `npm test [-- part of a name …]`: every test but the long ones, on one throw-away stack; or the parts with these names.

import { join } from 'node:path';
import { createDatabase } from '../stack/databases.ts';
import type { Stack } from '../stack/stack.ts';
import { startThrowawayStack } from '../stack/throwaway.ts';
import { logDir } from './part.ts';
import {
  BROWSER_SUITE,
  checkPart,
  databasePart,
  databaseToolParts,
  denoPart,
  hostedDenoParts,
  integrationSuites,
  vitestPart,
} from './parts.ts';
import { checkServerLogs, keepServerLogs } from './server-log.ts';
import { Session } from './session.ts';

/** A healthy run takes under 15 minutes on two cores; .ci/run must end within 90 on any machine. */
const LIMIT_MS = 80 * 60_000;

const serverLogs = keepServerLogs(join(logDir, 'servers'));
let stack: Promise<Stack> | undefined;

const session = new Session({
  limitMs: LIMIT_MS,
  only: process.argv.slice(2),
  cleanUp: async () => {
    const running = await stack?.catch(() => undefined);
    await running?.stop();
  },
  // The logs are complete when every server has stopped.
  afterCleanUp: () => checkServerLogs(serverLogs),
});

async function databaseParts(running: Promise<Stack>): Promise<void> {
  const started = await running;
  await session.run(databasePart(started));
  if (session.interrupted) return;
  const database = await createDatabase(started.info);
  try {
    for (const part of databaseToolParts(database.url)) await session.run(part);
  } finally {
    await database.drop();
  }
}

await session.finish(async () => {
  session.calibrate();
  stack = startThrowawayStack({}, (message) => console.error(`  stack: ${message}`));
  stack.catch(() => undefined);
  // Two cores, two lanes of about the same length: the unit tests run in one; the other begins with the checks, while
  // the stack starts, and continues with the parts that need only its database …
  const unitTests = (async () => {
    await session.run(denoPart());
    for (const part of hostedDenoParts()) await session.run(part);
  })();
  const checks = (async () => {
    await session.run(checkPart());
    await databaseParts(stack);
  })();
  await Promise.all([unitTests, checks]);
  // … and the parts that measure time against the whole stack have the machine to themselves.
  const running = await stack;
  for (const suite of [...integrationSuites(), BROWSER_SUITE]) {
    session.calibrate();
    await session.run(vitestPart(suite, running));
  }
});
