// Runs supabase/seed.sql once, on a database that has not been seeded.

import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT, StackError } from './options.ts';
import { withClient } from './postgres/connection.ts';

const SEED = join(ROOT, 'supabase', 'seed.sql');

export const seedText = () => readFile(SEED, 'utf8');

/** Runs the file in one transaction. */
export async function applySeed(dbUrl: string): Promise<void> {
  const sql = await seedText();
  await withClient(dbUrl, async (client) => {
    try {
      await client.query(sql);
    } catch (error) {
      const where = error instanceof Error && 'where' in error ? `\n${String(error.where)}` : '';
      throw new StackError(`supabase/seed.sql failed: ${(error as Error).message}${where}`);
    }
  });
}

export async function seedOnce(dbUrl: string, dataDir: string): Promise<void> {
  const marker = join(dataDir, 'seeded');
  if (existsSync(marker) || !existsSync(SEED)) return;
  await applySeed(dbUrl);
  await writeFile(marker, `${new Date().toISOString()}\n`);
}
