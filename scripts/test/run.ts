// `npm test`: every test there is, on one throw-away stack. Prints each part's result, the whole output
// of the parts that failed, and as its last line `N passed, N failed`.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createDatabase } from '../stack/databases.ts';
import { onOrphaned } from '../stack/orphan.ts';
import type { Stack } from '../stack/stack.ts';
import { startThrowawayStack } from '../stack/throwaway.ts';
import { logDir, type Part, type PartResult, runPart, stopParts } from './part.ts';
import { checkPart, databasePart, databaseToolParts, denoPart, vitestPart } from './parts.ts';
import { checkServerLogs, keepServerLogs } from './server-log.ts';

const results: PartResult[] = [];
const serverLogs = keepServerLogs(join(logDir, 'servers'));
let stack: Promise<Stack> | undefined;
let interrupted = false;

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

async function run(part: Part): Promise<void> {
  if (interrupted) return;
  const result = await runPart(part);
  results.push(result);
  const verdict = result.failed === 0 ? 'ok    ' : 'FAILED';
  console.log(
    `${verdict} ${result.name}: ${result.passed} passed, ${result.failed} failed (${seconds(result.ms)})`,
  );
}

async function databaseParts(running: Promise<Stack>): Promise<void> {
  const started = await running;
  await run(databasePart(started));
  const database = await createDatabase(started.info);
  try {
    for (const part of databaseToolParts(database.url)) await run(part);
  } finally {
    await database.drop();
  }
}

async function everything(): Promise<void> {
  const started = performance.now();
  stack = startThrowawayStack({}, (message) => console.error(`  stack: ${message}`));
  stack.catch(() => undefined);
  // Two cores: what needs no stack runs beside what needs only its database …
  const withoutStack = (async () => {
    await run(checkPart());
    await run(denoPart());
  })();
  await Promise.all([withoutStack, databaseParts(stack)]);
  // … and what measures time against the whole stack has the machine to itself.
  const running = await stack;
  await run(vitestPart('node', running));
  await run(vitestPart('browser', running));
  console.log(`all parts: ${seconds(performance.now() - started)}`);
}

async function stopStack(): Promise<void> {
  const running = await stack?.catch(() => undefined);
  await running?.stop();
}

function interrupt(): void {
  if (interrupted) return;
  interrupted = true;
  void stopParts()
    .then(stopStack)
    .finally(() => process.exit(130));
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
onOrphaned(interrupt);

let broken: unknown;
try {
  await everything();
} catch (error) {
  broken = error;
}
await stopStack();
if (!interrupted) {
  results.push(await checkServerLogs(serverLogs));
  for (const result of results.filter(({ failed }) => failed > 0)) {
    console.log(`\n── ${result.name} ──\n${result.output.trimEnd()}`);
  }
  if (broken !== undefined) console.log('\n── the test run itself ──\n', broken);
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed =
    results.reduce((sum, result) => sum + result.failed, 0) + (broken === undefined ? 0 : 1);
  if (failed > 0) console.log(`\nThe output of every part is in ${logDir}`);
  else rmSync(logDir, { recursive: true, force: true });
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}
