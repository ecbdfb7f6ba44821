// `npm run doctor`: checks the running stack, or an installation of this checkout, from end to end. The checks are those of
// `stepbase doctor` (cli/src/doctor). It changes nothing, and ends with 1 if a check failed.

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { examine } from '../cli/src/doctor/examine.ts';
import {
  namesInstallation,
  type Options,
  readSettings,
  SettingsError,
} from '../cli/src/doctor/settings.ts';
import { toText } from '../cli/src/doctor/text.ts';
import { VERSION } from '../functions/_shared/version.ts';
import { migrationFiles } from './stack/migrate.ts';
import { DEFAULT_DATA_DIR, ROOT } from './stack/options.ts';
import type { StackInfo } from './stack/stack.ts';

const USAGE = `usage: npm run doctor -- [--env-file FILE] [--db-url URL] [--url URL] [--data DIR]
                         [--email ADDRESS --password PASSWORD] [--json]
Checks the running stack (--data, default .stepbase), or the installation that the options or the environment name:
DATABASE_URL, SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY, SUPABASE_SECRET_KEY. --db-url: as role postgres.
With --email it signs in to test the access-token hook. STEPBASE_DOCTOR_PASSWORD can replace --password.`;

function stackOf(data: string | undefined): StackInfo | undefined {
  const folder = data === undefined ? join(ROOT, DEFAULT_DATA_DIR) : resolve(data);
  const file = join(folder, 'stack.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as StackInfo;
  if (data !== undefined) throw new SettingsError(`no stack is running there: ${file} is missing`);
  return undefined;
}

function readOptions(): Options & { data?: string; json: boolean; help: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        'env-file': { type: 'string' },
        'db-url': { type: 'string' },
        url: { type: 'string' },
        data: { type: 'string' },
        email: { type: 'string' },
        password: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    throw new SettingsError(`${(error as Error).message}\n${USAGE}`);
  }
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options.help) {
    console.log(USAGE);
    return;
  }
  const usesStack = options.data !== undefined || !namesInstallation(options, process.env);
  const stack = usesStack ? stackOf(options.data) : undefined;
  if (usesStack && stack === undefined) {
    throw new SettingsError(
      'nothing to check: run npm start, or give --db-url, --url or --env-file (see --help)',
    );
  }
  const findings = await examine(readSettings(options, process.env, stack), {
    version: VERSION,
    migrations: await migrationFiles(),
    deploy:
      'npm run bundle, then npx supabase functions deploy --use-api stepbase-api stepbase-worker',
  });
  console.log(options.json ? JSON.stringify(findings, null, 2) : toText(findings));
  if (findings.some(({ status }) => status === 'failed')) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof SettingsError)) throw error;
  console.error(`doctor: ${error.message}`);
  process.exitCode = 1;
}
