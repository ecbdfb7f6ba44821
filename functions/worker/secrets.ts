// Secrets of an app for `{{ secrets.<name> }}`: from the environment
// (STEPBASE_SECRET_<APP_CODE>__<NAME>) and, where Vault is present, from its entry
// `stepbase/<app_code>/<name>`. They are read when a step needs them and never kept.

import type { Db } from '../_shared/db/pool.ts';
import { untilAnswered } from '../_shared/db/retry.ts';
import { SECRET_PREFIX } from '../_shared/env/env.ts';
import type { SecretsOf } from './executor.ts';

/**
 * No two secrets have the same variable: an app's code is in kebab-case, so what is made of it neither
 * ends with an underscore nor has two in a row, and the first two in a row end it. Other names than
 * these are in Vault only: in capitals they could be mistaken for each other.
 */
export function variableOf(appCode: string, name: string): string | undefined {
  if (!/^[a-z0-9_]+$/.test(name)) return undefined;
  return `${SECRET_PREFIX}${appCode.replaceAll('-', '_')}__${name}`.toUpperCase();
}

export function createSecrets(db: Db, environment: Record<string, string>): SecretsOf {
  return (appCode) => async (name) => {
    const variable = variableOf(appCode, name);
    // An empty value counts as not set, as everywhere in the environment.
    const given = variable === undefined ? undefined : environment[variable];
    if (given) return given;
    const [row] = await untilAnswered(() =>
      db.query<{ secret: string | null }>('select stepbase_private.secret($1, $2) as secret', [
        appCode,
        name,
      ]),
    );
    return row?.secret ?? undefined;
  };
}
