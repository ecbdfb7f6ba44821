// Applies supabase/migrations with the real Supabase CLI; skips this if the history already equals the files.

import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Child } from './child.ts';
import { ROOT, StackError } from './options.ts';
import { withClient, withoutTls } from './postgres/connection.ts';

const DEADLINE_MS = 120_000;

export interface Migration {
  version: string;
  name: string;
  hash: string;
}

/** The migrations of a folder with a folder `supabase`; default: this repository. */
export async function migrationFiles(project = ROOT): Promise<Migration[]> {
  const folder = join(project, 'supabase', 'migrations');
  const names = await readdir(folder).catch(() => [] as string[]);
  const files = names.filter((name) => /^\d+_.+\.sql$/.test(name)).sort();
  return await Promise.all(
    files.map(async (name) => {
      const content = await readFile(join(folder, name));
      return {
        version: name.slice(0, name.indexOf('_')),
        name,
        hash: createHash('sha256').update(content).digest('hex'),
      };
    }),
  );
}

async function appliedVersions(url: string): Promise<string[]> {
  return await withClient(url, async (client) => {
    const table = 'supabase_migrations.schema_migrations';
    const { rows } = await client.query<{ there: boolean }>(
      `select to_regclass('${table}') is not null as there`,
    );
    if (!rows[0]?.there) return [];
    const history = await client.query<{ version: string }>(
      `select version from ${table} order by version`,
    );
    return history.rows.map((row) => row.version);
  });
}

/** Runs a command of the Supabase CLI in a folder; throws its output if it fails. */
export async function supabase(args: string[], logFile: string, folder = ROOT): Promise<string> {
  const lines: string[] = [];
  const child = await Child.start({
    command: join(ROOT, 'node_modules', '.bin', 'supabase'),
    args,
    env: {
      ...process.env,
      PATH: `${join(ROOT, 'node_modules', '.bin')}:${process.env.PATH ?? ''}`,
      SUPABASE_TELEMETRY_DISABLED: '1',
      DO_NOT_TRACK: '1',
      NO_COLOR: '1',
    },
    cwd: folder,
    logFile,
    onLine: (line) => lines.push(line),
    stopSignal: 'SIGTERM',
  });
  let late = false;
  const deadline = setTimeout(() => {
    late = true;
    child.kill();
  }, DEADLINE_MS);
  const { code } = await child.exited;
  clearTimeout(deadline);
  await child.outputRead;
  const output = lines.join('\n');
  if (code !== 0) {
    const reason = late ? `took longer than ${DEADLINE_MS / 1000} s` : `exited with ${code}`;
    throw new StackError(`supabase ${args[0]} ${args[1] ?? ''} ${reason}:\n${output.slice(-3000)}`);
  }
  return output;
}

/** A hash of all current migrations. */
export async function migrationsFingerprint(): Promise<string> {
  const hash = createHash('sha256');
  for (const file of await migrationFiles()) hash.update(`${file.name} ${file.hash}\n`);
  return hash.digest('hex').slice(0, 16);
}

/** Applies pending migrations. A file in `dataDir` records the content of the applied ones. */
export async function migrate(
  dbUrl: string,
  dataDir: string,
  project = ROOT,
): Promise<{ applied: number }> {
  const memory = join(dataDir, 'migrations.json');
  const [files, history] = await Promise.all([migrationFiles(project), appliedVersions(dbUrl)]);
  const known = JSON.parse(await readFile(memory, 'utf8').catch(() => '{}')) as Record<
    string,
    string
  >;
  const applied = new Set(history);
  for (const { version, name, hash } of files) {
    if (applied.has(version) && known[version] !== undefined && known[version] !== hash) {
      throw new StackError(
        `supabase/migrations/${name} changed after it was applied to ${dataDir}. ` +
          'Start with --reset to rebuild the data, or undo the change.',
      );
    }
  }
  const versions = new Set(files.map(({ version }) => version));
  const gone = history.filter((version) => !versions.has(version));
  if (gone.length > 0) {
    throw new StackError(
      `The database in ${dataDir} has migrations that are no longer in supabase/migrations ` +
        `(${gone.join(', ')}). Start with --reset to rebuild the data.`,
    );
  }
  // Recorded before they are applied: if one fails, those before it are known.
  const content = Object.fromEntries(files.map(({ version, hash }) => [version, hash]));
  await writeFile(memory, `${JSON.stringify(content, null, 2)}\n`);
  const pending = files.filter(({ version }) => !applied.has(version)).length;
  if (pending > 0) await push(dbUrl, join(dataDir, 'logs', 'migrations.log'), project);
  return { applied: pending };
}

/** Applies all migrations to a database without migrations. */
export async function push(dbUrl: string, logFile: string, project = ROOT): Promise<void> {
  await supabase(
    ['db', 'push', `--remote=${withoutTls(dbUrl)}`, '--include-all', '--yes'],
    logFile,
    project,
  );
}
