// doctor: checks the files of the project and an installation from end to end. It changes nothing.
import type { Command } from 'commander';
import type { Context, Result } from '../context.ts';
import type { Env } from '../credentials.ts';
import { type Finding, failed, ok, warning } from '../doctor/finding.ts';
import { type Known, type Options, readSettings, SettingsError } from '../doctor/settings.ts';
import { toText } from '../doctor/text.ts';
import { EXIT, usage } from '../errors.ts';
import { readAssets, VERSION } from '../install/assets.ts';
import { missingSettings } from '../install/config.ts';
import { findSupabaseProject } from '../install/project.ts';
import { compareVersions } from '../install/record.ts';
import type { Act } from '../program.ts';
import { DEFAULT_LINK } from '../project.ts';

interface DoctorOptions {
  dbUrl?: string;
  envFile?: string;
  email?: string;
  password?: string;
}

const DEPLOY = 'npx supabase functions deploy --use-api stepbase-api stepbase-worker';

export function addDoctorCommand(program: Command, act: Act): void {
  program
    .command('doctor')
    .summary('check an installation from end to end')
    .description(
      'Checks the files of the project, the database, the functions, the keys and the access-token hook, and names a fix for each fault. It changes nothing. The exit code is 1 if a check failed. The keys are SUPABASE_PUBLISHABLE_KEY and SUPABASE_SECRET_KEY of the environment or of the file.',
    )
    .option('--db-url <url>', 'the database as role postgres (DATABASE_URL)')
    .option('--env-file <file>', 'the variables of the functions; they are checked, too')
    .option('--email <address>', 'sign in as this member, to test the access-token hook')
    .option('--password <password>', 'of --email (STEPBASE_DOCTOR_PASSWORD)')
    .action(act((context, options: DoctorOptions) => doctor(context, options)));
}

async function doctor(context: Context, options: DoctorOptions): Promise<Result> {
  const given: Options = {
    'db-url': options.dbUrl,
    'env-file': options.envFile === undefined ? undefined : context.path(options.envFile),
    email: options.email,
    password: options.password,
    url: context.options.url,
  };
  const env = environmentOf(context.env);
  // pg and zod are loaded only here.
  const { examine } = await import('../doctor/examine.ts');
  const findings = [
    ...checkFiles(context),
    ...(await examine(settingsOf(context, given, env), {
      version: VERSION,
      migrations: readAssets().migrations,
      deploy: DEPLOY,
    })),
  ];
  const isBroken = findings.some(({ status }) => status === 'failed');
  return { data: findings, lines: [toText(findings)], exit: isBroken ? EXIT.no : EXIT.ok };
}

/** Empty variables count as not set. */
const environmentOf = (env: Env): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));

function settingsOf(context: Context, given: Options, env: Record<string, string | undefined>) {
  try {
    return readSettings(given, env, linkedProject(context, given, env));
  } catch (error) {
    if (error instanceof SettingsError) throw usage('no_installation', error.message);
    throw error;
  }
}

/** The project of the link, unless the options or the environment name another one. */
function linkedProject(
  context: Context,
  given: Options,
  { DATABASE_URL: dbUrl, SUPABASE_URL: url, ...keys }: Record<string, string | undefined>,
): Known | undefined {
  const { options, project, env } = context;
  if (given.url !== undefined) return undefined;
  const isNamed = options.link !== undefined || Boolean(env.STEPBASE_LINK || env.STEPBASE_URL);
  const isElsewhere = (given['env-file'] ?? url) !== undefined;
  if (!isNamed && (isElsewhere || !Object.hasOwn(project.links, DEFAULT_LINK))) return undefined;
  const { target } = context;
  const secret = target.apiKey?.startsWith('sb_secret_') ? target.apiKey : undefined;
  return {
    api_url: target.url,
    db_url: given['db-url'] ?? dbUrl,
    publishable_key: keys.SUPABASE_PUBLISHABLE_KEY,
    secret_key: keys.SUPABASE_SECRET_KEY ?? secret,
  };
}

function checkFiles(context: Context): Finding[] {
  const check = 'project files';
  const project = findSupabaseProject(context.path('.'));
  if (project?.record === undefined) return [];
  const { version } = project.record;
  const order = compareVersions(version, VERSION);
  const found: Finding[] = [];
  if (order !== 0) {
    const fix = order < 0 ? 'npx stepbase upgrade' : 'npm install --save-dev stepbase-cli@latest';
    found.push(
      warning(check, `The project has version ${version}, this package is ${VERSION}.`, fix),
    );
  }
  const missing = missingSettings(project.config);
  if (missing.length > 0) {
    found.push(failed(check, `supabase/config.toml: ${missing.join('; ')}.`, 'npx stepbase init'));
  }
  return found.length > 0
    ? found
    : [ok(check, `The files of the project have version ${version}.`)];
}
