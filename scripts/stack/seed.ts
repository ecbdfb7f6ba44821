// Runs supabase/seed.sql once, on a database that has not been seeded.

import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PUBLIC_ADDRESSES, withAddresses } from '../world/addresses.ts';
import { ROOT, StackError } from './options.ts';
import { withClient } from './postgres/connection.ts';

const SEED = join(ROOT, 'supabase', 'seed.sql');

export const seedText = () => readFile(SEED, 'utf8');

/** Runs the file in one transaction. `addresses`: of the services that its workflows call, instead of those in the file. */
export async function applySeed(dbUrl: string, addresses = PUBLIC_ADDRESSES): Promise<void> {
  const sql = withAddresses(await seedText(), addresses);
  await withClient(dbUrl, async (client) => {
    try {
      await client.query(sql);
    } catch (error) {
      const where = error instanceof Error && 'where' in error ? `\n${String(error.where)}` : '';
      throw new StackError(`supabase/seed.sql failed: ${(error as Error).message}${where}`);
    }
  });
}

export async function seedOnce(
  dbUrl: string,
  dataDir: string,
  addresses = PUBLIC_ADDRESSES,
): Promise<void> {
  const marker = join(dataDir, 'seeded');
  if (existsSync(marker) || !existsSync(SEED)) return;
  await applySeed(dbUrl, addresses);
  await writeFile(marker, `${new Date().toISOString()}\n`);
}
