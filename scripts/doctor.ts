// `npm run doctor`: checks an installation from end to end. The RPC stepbase.doctor() checks the database; this command
// adds what only a client can see. It changes nothing, and ends with 1 if a check failed.

import { parseArgs } from 'node:util';
import { VERSION } from '../functions/_shared/version.ts';
import { checkDatabase } from './doctor/database.ts';
import { checkEnvironment } from './doctor/environment.ts';
import { type Finding, failed } from './doctor/finding.ts';
import { askDoctor, checkProject } from './doctor/project.ts';
import { type Options, readSettings, type Settings, SettingsError } from './doctor/settings.ts';
import { toText } from './doctor/text.ts';

const USAGE = `usage: npm run doctor -- [--env-file FILE] [--db-url URL] [--url URL] [--data DIR]
                         [--email ADDRESS --password PASSWORD] [--json]
Checks the running stack (--data, default .stepbase), or the installation that the options or the environment name:
DATABASE_URL, SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY, SUPABASE_SECRET_KEY. --db-url: as role postgres.
With --email it signs in to test the access-token hook. STEPBASE_DOCTOR_PASSWORD can replace --password.`;

const NOT_ASKED = failed(
  'doctor()',
  'The role of the address may not check the database.',
  'Give --db-url of postgres, or --url and SUPABASE_SECRET_KEY',
);

async function examine(settings: Settings): Promise<Finding[]> {
  const { dbUrl, url, publishableKey, secretKey, environment } = settings;
  const project = url === undefined ? undefined : { url, publishableKey, secretKey };
  const findings: Finding[] = environment ? checkEnvironment(environment) : [];
  const database = dbUrl === undefined ? undefined : await checkDatabase(dbUrl, environment);
  findings.push(...(database?.findings ?? []));
  if (project) {
    findings.push(...(await checkProject(project, VERSION, settings.signIn)));
    if (!database?.hasAsked) findings.push(...(await askDoctor(project)));
  } else if (!database?.hasAsked) {
    findings.push(NOT_ASKED);
  }
  return findings;
}

function readOptions(): Options & { json: boolean; help: boolean } {
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
  const findings = await examine(readSettings(options, process.env));
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
