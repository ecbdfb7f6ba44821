// Fails a test run in which PostgreSQL reported a deadlock. The engine retries a statement that meets one, so
// no other test would notice. The scan reads the logs of every server, API and worker that the run started. A
// test that needs the error raises it with a message of its own ("simulated"); a test that provokes a real
// deadlock sets KEEP_LOGS to a folder of its own while its server starts.

import { createReadStream, existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { KEEP_LOGS } from '../stack/keep-logs.ts';
import type { PartResult } from './part.ts';

const NAME = 'server logs';
/** As PostgreSQL reports it, and as the functions log the error. */
const DEADLOCK = /ERROR: +deadlock detected|"error":"[^"]*deadlock detected/;
/** The lines of the same report: what each process waited for, and the statements. */
const DETAIL = /^\s|(DETAIL|HINT|CONTEXT|STATEMENT|QUERY): /;
const MAX_DETAIL_LINES = 40;

/** Keeps the logs of all stacks that start from now on, in this process and its children. */
export function keepServerLogs(folder = mkdtempSync(join(tmpdir(), 'stepbase-logs-'))): string {
  process.env[KEEP_LOGS] = folder;
  return folder;
}

/** Each deadlock with its details, under the name of its log file. */
async function deadlocksIn(file: string): Promise<string[]> {
  const found: string[][] = [];
  let detail: string[] | undefined;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    if (DEADLOCK.test(line)) {
      detail = [basename(file), line];
      found.push(detail);
    } else if (detail && DETAIL.test(line) && detail.length < MAX_DETAIL_LINES) {
      detail.push(line);
    } else {
      detail = undefined;
    }
  }
  return found.map((lines) => lines.join('\n'));
}

/** Every deadlock in the kept logs. Rejects when no log was kept, because then the scan proves nothing. */
export async function findDeadlocks(folder: string): Promise<string[]> {
  const files = existsSync(folder) ? readdirSync(folder).sort() : [];
  if (files.length === 0) throw new Error(`no server log was kept in ${folder}`);
  return (await Promise.all(files.map((file) => deadlocksIn(join(folder, file))))).flat();
}

/** The scan as a part of `npm test`. */
export async function checkServerLogs(folder: string): Promise<PartResult> {
  const started = performance.now();
  const deadlocks = await findDeadlocks(folder).catch((error) => [String(error)]);
  const [passed, failed] = deadlocks.length === 0 ? [1, 0] : [0, deadlocks.length];
  const ms = performance.now() - started;
  // The name of the log.
  const failures = deadlocks.map((text) => text.split('\n', 1)[0] ?? text);
  return { name: NAME, passed, failed, ms, output: deadlocks.join('\n\n'), failures };
}

/** The scan after a run of Vitest alone; rejects when there was a deadlock, and then leaves the logs. */
export async function requireNoDeadlocks(folder: string): Promise<void> {
  delete process.env[KEEP_LOGS];
  const deadlocks = await findDeadlocks(folder);
  if (deadlocks.length > 0) {
    throw new Error(`PostgreSQL reported deadlocks (${folder}):\n${deadlocks.join('\n\n')}`);
  }
  await rm(folder, { recursive: true, force: true });
}
