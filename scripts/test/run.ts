// `npm test [-- part of a name …]`: every test but the long ones, on one throw-away stack; or the parts with these names.

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDatabase } from '../stack/databases.ts';
import { discardPrepared, prepareCluster } from '../stack/prepared.ts';
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

/** A healthy run takes 23 to 31 minutes on two cores; .ci/run must end within 90 on any machine. */
const LIMIT_MS = 80 * 60_000;

const serverLogs = keepServerLogs(join(logDir, 'servers'));
const prepared = mkdtempSync(join(tmpdir(), 'stepbase-prepared-'));
let stack: Promise<Stack> | undefined;

const session = new Session({
  limitMs: LIMIT_MS,
  only: process.argv.slice(2),
  cleanUp: async () => {
    const running = await stack?.catch(() => undefined);
    await running?.stop();
    await discardPrepared(prepared);
  },
  // The logs are complete when every server has stopped.
  afterCleanUp: () => checkServerLogs(serverLogs),
});

/** The stack of all parts. It and every other stack of the tests is a copy of one prepared cluster. */
async function startSharedStack(): Promise<Stack> {
  await prepareCluster(prepared);
  return await startThrowawayStack({}, (message) => console.error(`  stack: ${message}`));
}

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
  stack = startSharedStack();
  stack.catch(() => undefined);
  // Two cores, two lanes: the unit tests and then the checks, which use all that is free; beside them the parts that
  // need only the database of the stack …
  const withoutStack = (async () => {
    await session.run(denoPart());
    await session.run(checkPart());
  })();
  await Promise.all([withoutStack, databaseParts(stack)]);
  // … then the parts that measure time against the whole stack, which have the machine to themselves …
  const running = await stack;
  for (const suite of integrationSuites()) {
    session.calibrate();
    await session.run(vitestPart(suite, running));
  }
  // … and the browser, which leaves a core to the unit tests on the other Deno.
  session.calibrate();
  const hosted = (async () => {
    for (const part of hostedDenoParts()) await session.run(part);
  })();
  await Promise.all([session.run(vitestPart(BROWSER_SUITE, running)), hosted]);
});
