// Secrets of an app for `{{ secrets.<name> }}`: from the environment
// (STEPBASE_SECRET_<APP_CODE>_<NAME>) and, where Vault is present, from its entry
// `stepbase/<app_code>/<name>`. They are read when a step needs them and never kept.

import type { Db } from '../_shared/engine/db.ts';
import { untilAnswered } from '../_shared/engine/lost.ts';
import { SECRET_PREFIX } from '../_shared/env/env.ts';
import type { SecretsOf } from './execute.ts';

const asVariable = (text: string) => text.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');

export function createSecrets(db: Db, environment: Record<string, string>): SecretsOf {
  return (appCode) => async (name) => {
    const given = environment[`${SECRET_PREFIX}${asVariable(appCode)}_${asVariable(name)}`];
    if (given !== undefined) return given;
    const [row] = await untilAnswered(() =>
      db.query<{ secret: string | null }>('select private.secret($1, $2) as secret', [
        appCode,
        name,
      ]),
    );
    return row?.secret ?? undefined;
  };
}
