// The addresses and keys of options, of an environment file, of the environment, or of a known project (a running stack
// or a link), in this order.

import { existsSync, readFileSync } from 'node:fs';
import { parseEnv as parseFile } from 'node:util';

export class SettingsError extends Error {}

export interface Options {
  'db-url'?: string | undefined;
  url?: string | undefined;
  'env-file'?: string | undefined;
  email?: string | undefined;
  password?: string | undefined;
}

type Variables = Record<string, string | undefined>;

export interface Settings {
  dbUrl: string | undefined;
  /** The address of the project. */
  url: string | undefined;
  publishableKey: string | undefined;
  secretKey: string | undefined;
  signIn: { email: string; password: string } | undefined;
  /** The environment of the functions, to check it; undefined if it is not known here. */
  environment: Variables | undefined;
}

/** A project that is known without options. */
export interface Known {
  api_url: string;
  db_url?: string | undefined;
  publishable_key?: string | undefined;
  secret_key?: string | undefined;
}

function variablesOf(file: string | undefined): Variables | undefined {
  if (file === undefined) return undefined;
  if (!existsSync(file)) throw new SettingsError(`the file ${file} does not exist`);
  const read: Variables = parseFile(readFileSync(file, 'utf8'));
  return Object.fromEntries(Object.entries(read).filter(([, value]) => value !== ''));
}

/** The first key of a JSON map, as hosted projects inject them. */
function firstOf(map: string | undefined): string | undefined {
  try {
    return Object.values(JSON.parse(map ?? '{}') as Record<string, string>)[0];
  } catch {
    return undefined;
  }
}

/** The address of a hosted project, which is in the user of its pooler and in the host of its database. */
function projectOf(database: string | undefined): string | undefined {
  if (database === undefined || !URL.canParse(database)) return undefined;
  const { username, hostname } = new URL(database);
  const ref = hostname.endsWith('.pooler.supabase.com')
    ? /\.([a-z0-9]{16,})$/.exec(decodeURIComponent(username))?.[1]
    : /^db\.([a-z0-9]{16,})\.supabase\.co$/.exec(hostname)?.[1];
  return ref === undefined ? undefined : `https://${ref}.supabase.co`;
}

/** Whether options or the environment name an installation. */
export const namesInstallation = (options: Options, process: Variables): boolean =>
  [
    options['db-url'],
    options.url,
    options['env-file'],
    process.DATABASE_URL,
    process.SUPABASE_URL,
  ].some((value) => value !== undefined);

export function readSettings(options: Options, process: Variables, known?: Known): Settings {
  const file = variablesOf(options['env-file']);
  const given: Variables = { ...process, ...file };
  const isRemote =
    options['db-url'] !== undefined || options.url !== undefined || file !== undefined;
  const { email, password = process.STEPBASE_DOCTOR_PASSWORD } = options;
  if (email !== undefined && password === undefined) {
    throw new SettingsError('--email needs --password or STEPBASE_DOCTOR_PASSWORD');
  }
  const dbUrl = options['db-url'] ?? known?.db_url ?? given.DATABASE_URL ?? given.SUPABASE_DB_URL;
  const url = options.url ?? known?.api_url ?? given.SUPABASE_URL ?? projectOf(dbUrl);
  const settings: Settings = {
    dbUrl,
    url: url?.replace(/\/+$/, ''),
    publishableKey:
      known?.publishable_key ??
      given.SUPABASE_PUBLISHABLE_KEY ??
      firstOf(given.SUPABASE_PUBLISHABLE_KEYS),
    secretKey:
      known?.secret_key ?? given.SUPABASE_SECRET_KEY ?? firstOf(given.SUPABASE_SECRET_KEYS),
    signIn: email !== undefined && password !== undefined ? { email, password } : undefined,
    environment: file ?? (known !== undefined || isRemote ? undefined : process),
  };
  if (settings.dbUrl === undefined && settings.url === undefined) {
    throw new SettingsError(
      'No installation is named: give --db-url, --url or --env-file, or link the folder to a project',
    );
  }
  return settings;
}
