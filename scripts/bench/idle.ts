// The statements of an idle worker: the server logs the statements of that database for a while, and those of the
// worker's own connections are counted. Counters of the server would include other sessions.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { withClient } from '../stack/postgres/connection.ts';
import type { BenchDatabase, BenchEnvironment } from './environment.ts';

/** Each log line begins with application_name, which identifies the worker. */
export const LOG_LINE = "log_line_prefix = '%m [%p] %u@%d app=%a '";
const STATEMENT = /app=stepbase-worker[\w-]* LOG: {2}(?:statement|execute [^:]*):/;

/** For sessions that start from now on. */
export async function logStatements(database: BenchDatabase, on: boolean): Promise<void> {
  await withClient(database.adminUrl, async (client) => {
    const { name } = database;
    await client.query(
      on
        ? `alter database ${name} set log_statement = 'all'`
        : `alter database ${name} reset log_statement`,
    );
  });
}

async function workerStatements(environment: BenchEnvironment): Promise<number> {
  const log = await readFile(join(environment.dataDir, 'logs', 'postgres.log'), 'utf8');
  return log.split('\n').filter((line) => STATEMENT.test(line)).length;
}

/** Statements per second of the worker that runs, which was started while statements are logged. */
export async function countIdleStatements(
  environment: BenchEnvironment,
  seconds: number,
): Promise<number> {
  const before = await workerStatements(environment);
  // A worker sends statements when it starts; without any in the log, logging does not work.
  if (before === 0) throw new Error("the worker's statements are not logged");
  await pause(seconds * 1_000);
  return ((await workerStatements(environment)) - before) / seconds;
}
