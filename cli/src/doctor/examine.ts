// All checks of an installation: the environment of the functions, the database, and the project over HTTP. They change
// nothing.

import { checkDatabase } from './database.ts';
import type { Expected } from './deployment.ts';
import { checkEnvironment } from './environment.ts';
import { type Finding, failed } from './finding.ts';
import { askDoctor, checkProject } from './project.ts';
import type { Settings } from './settings.ts';

const NOT_ASKED = failed(
  'doctor()',
  'The role of the address may not check the database.',
  'Give --db-url of postgres, or --url and SUPABASE_SECRET_KEY',
);

export async function examine(settings: Settings, expected: Expected): Promise<Finding[]> {
  const { dbUrl, url, publishableKey, secretKey, environment } = settings;
  const project = url === undefined ? undefined : { url, publishableKey, secretKey };
  const findings: Finding[] = environment ? checkEnvironment(environment) : [];
  const database =
    dbUrl === undefined ? undefined : await checkDatabase(dbUrl, expected.migrations, environment);
  findings.push(...(database?.findings ?? []));
  if (project) {
    findings.push(...(await checkProject(project, expected, settings.signIn)));
    if (!database?.hasAsked) findings.push(...(await askDoctor(project)));
  } else if (!database?.hasAsked) {
    findings.push(NOT_ASKED);
  }
  return findings;
}
