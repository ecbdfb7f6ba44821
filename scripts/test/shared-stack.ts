// Vitest's global setup: one throw-away stack for all tests of a run, or the stack that `npm test` has
// already started. STEPBASE_TEST_STACK is the path of its stack.json.

import { startThrowawayStack } from '../stack/throwaway.ts';
import { keepServerLogs, requireNoDeadlocks } from './server-log.ts';

let users = 0;
let shared: Promise<() => Promise<void>> | undefined;

async function start(): Promise<() => Promise<void>> {
  if (process.env.STEPBASE_TEST_STACK) return async () => undefined;
  const serverLogs = keepServerLogs();
  const stack = await startThrowawayStack({}, (message) => console.error(`stack: ${message}`));
  process.env.STEPBASE_TEST_STACK = stack.infoPath;
  return async () => {
    delete process.env.STEPBASE_TEST_STACK;
    await stack.stop();
    await requireNoDeadlocks(serverLogs);
  };
}

/** Called once per project; the last project stops the stack. */
export default async function setup(): Promise<() => Promise<void>> {
  users += 1;
  shared ??= start();
  const stop = await shared;
  return async () => {
    users -= 1;
    if (users === 0) {
      shared = undefined;
      await stop();
    }
  };
}
