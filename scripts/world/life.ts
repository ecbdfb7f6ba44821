// Adds the sample data of life.sql to a stack once: what the workflows of the seed alone do not show.

import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withClient } from '../stack/postgres/connection.ts';
import { StackError } from '../stack/stack-error.ts';
import { type WorldAddresses, withAddresses } from './addresses.ts';

const SCRIPT = fileURLToPath(new URL('life.sql', import.meta.url));

/** Runs the script in one transaction. A file in `dataDir` remembers it: deleted sample data does not come back. */
export async function addLife(
  dbUrl: string,
  dataDir: string,
  addresses: WorldAddresses,
): Promise<void> {
  const marker = join(dataDir, 'world');
  if (existsSync(marker)) return;
  const sql = withAddresses(await readFile(SCRIPT, 'utf8'), addresses);
  await withClient(dbUrl, async (client) => {
    try {
      await client.query(sql);
    } catch (error) {
      const where = error instanceof Error && 'where' in error ? `\n${String(error.where)}` : '';
      throw new StackError(`scripts/world/life.sql failed: ${(error as Error).message}${where}`);
    }
  });
  await writeFile(marker, `${new Date().toISOString()}\n`);
}
