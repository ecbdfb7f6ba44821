// The SQL that makes a database of Stepbase: the objects of a new project, and the migrations. The build of the package
// puts a module in the place of this one that reads the same from dist/sql.json (../build.ts).

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { type BootstrapScripts, bootstrapScripts } from '../../scripts/stack/postgres/bootstrap.ts';

export interface Sources {
  bootstrap: BootstrapScripts;
  /** In their order. */
  migrations: { name: string; sql: string }[];
  /** Changes with the content of each file. */
  fingerprint: string;
}

const MIGRATIONS = new URL('../../supabase/migrations/', import.meta.url);

export async function readSources(): Promise<Sources> {
  const names = (await readdir(MIGRATIONS)).filter((name) => name.endsWith('.sql')).sort();
  const [bootstrap, auth, migrations] = await Promise.all([
    bootstrapScripts(),
    readFile(new URL('./auth.sql', import.meta.url), 'utf8'),
    Promise.all(
      names.map(async (name) => ({ name, sql: await readFile(new URL(name, MIGRATIONS), 'utf8') })),
    ),
  ]);
  const content = { bootstrap: { ...bootstrap, auth }, migrations };
  const hash = createHash('sha256').update(JSON.stringify(content));
  return { ...content, fingerprint: hash.digest('hex').slice(0, 16) };
}
