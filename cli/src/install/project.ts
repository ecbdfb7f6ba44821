// The Supabase project that Stepbase is installed into.
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { usage } from '../errors.ts';
import { readObject, readText } from '../files.ts';
import { CONFIG } from './config.ts';
import { type InstallRecord, parseRecord, RECORD } from './record.ts';

export interface SupabaseProject {
  /** The folder that holds the folder `supabase`. */
  root: string;
  config: string;
  /** The names of the migrations. */
  migrations: readonly string[];
  record: InstallRecord | undefined;
  /** Whether its TypeScript files are modules for Node. */
  isModule: boolean;
  /** The text of a file by its path from the root; undefined: there is none. */
  read(path: string): string | undefined;
}

/** The project around a folder. */
export function findSupabaseProject(start: string): SupabaseProject | undefined {
  for (let root = resolve(start); ; root = dirname(root)) {
    const config = readText(join(root, CONFIG));
    if (config !== undefined) return projectAt(root, config);
    if (dirname(root) === root) return undefined;
  }
}

export function requireSupabaseProject(start: string): SupabaseProject {
  const found = findSupabaseProject(start);
  if (found !== undefined) return found;
  throw usage(
    'no_supabase_project',
    `There is no ${CONFIG} in ${resolve(start)} or above`,
    'Run `npx supabase init` first, or choose the folder of the project with -C.',
  );
}

function projectAt(root: string, config: string): SupabaseProject {
  const read = (path: string) => readText(join(root, ...path.split('/')));
  const migrations = join(root, 'supabase', 'migrations');
  const record = read(RECORD);
  return {
    root,
    config,
    migrations: existsSync(migrations)
      ? readdirSync(migrations)
          .filter((name) => /^\d+_.*\.sql$/.test(name))
          .sort()
      : [],
    record: record === undefined ? undefined : parseRecord(record),
    isModule: readObject(join(root, 'package.json'))?.type === 'module',
    read,
  };
}
