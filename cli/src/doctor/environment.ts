// The environment of the functions: each value is parsed as the functions do it, and combinations that do not work are
// found.

import { parseEnv } from '../../../functions/_shared/env/env.ts';
import { docsPath } from '../install/assets.ts';
import { type Finding, failed, messageOf, ok, warning } from './finding.ts';

const CHECK = 'environment';
const SECRETS_SET = 'Correct the value, then npx supabase secrets set --env-file .env';

const isLocal = (url: string | undefined): boolean =>
  url !== undefined && /\/\/([^/]*@)?(localhost|127\.0\.0\.1|\[::1\])[:/]/.test(`${url}/`);

export function checkEnvironment(env: Readonly<Record<string, string | undefined>>): Finding[] {
  const found: Finding[] = [];
  const values = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1])),
  );
  // Hosted projects inject the address of the project.
  const injected = values.SUPABASE_URL ?? 'https://project.example';
  try {
    parseEnv({ ...values, SUPABASE_URL: injected });
  } catch (error) {
    found.push(failed(CHECK, messageOf(error), SECRETS_SET));
  }
  const { DATABASE_URL: database, DATABASE_CA: ca } = values;
  if (database !== undefined && ca === undefined && !isLocal(database)) {
    found.push(
      warning(
        CHECK,
        'DATABASE_CA is not set: the connection to the database is not encrypted.',
        `Download the certificate of the project and set DATABASE_CA: see ${docsPath('operations/deploy.md')}#connections`,
      ),
    );
  }
  if (values.STEPBASE_WEB_URL === undefined) {
    found.push(
      warning(
        CHECK,
        'STEPBASE_WEB_URL is not set: invitations cannot be mailed.',
        'npx supabase secrets set STEPBASE_WEB_URL=https://…',
      ),
    );
  }
  if (values.STEPBASE_ALLOW_PRIVATE_NETWORK === 'true' && !isLocal(injected)) {
    found.push(
      warning(
        CHECK,
        'STEPBASE_ALLOW_PRIVATE_NETWORK is true: steps can call addresses of private networks.',
        'npx supabase secrets unset STEPBASE_ALLOW_PRIVATE_NETWORK; list exceptions in STEPBASE_EGRESS_ALLOW',
      ),
    );
  }
  return found.length > 0 ? found : [ok(CHECK, 'The variables of the functions are valid.')];
}
