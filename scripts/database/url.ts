// The database that a command reads: that of an option, of the environment, or of the running stack.

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DEFAULT_DATA_DIR, ROOT } from '../stack/options.ts';

export class NoDatabaseError extends Error {}

export function databaseUrl(given: string | undefined, data: string | undefined): string {
  if (given) return given;
  if (data === undefined && process.env.DATABASE_URL) return process.env.DATABASE_URL;
  const folder = data === undefined ? join(ROOT, DEFAULT_DATA_DIR) : resolve(data);
  const file = join(folder, 'stack.json');
  if (!existsSync(file)) {
    throw new NoDatabaseError(
      `no stack is running here (${file} does not exist): run npm start, or give --db-url`,
    );
  }
  return (JSON.parse(readFileSync(file, 'utf8')) as { db_url: string }).db_url;
}
