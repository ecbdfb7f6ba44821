// Secrets of an app for `{{ secrets.<name> }}`: from the environment (STEPBASE_SECRET_<APP_CODE>__<NAME>) or,
// where Vault exists, from its entry `stepbase/<app_code>/<name>`. They are read when a step needs them
// and are never cached.

import { SECRET_PREFIX } from '../_shared/env/env.ts';
import type { Engine } from './engine/engine.ts';
import type { SecretsOf } from './executor.ts';

/**
 * The environment variable of a secret. Two secrets never share one: the code of an app is kebab-case, so it has
 * neither two underscores in a row nor one at its end, and the first `__` separates it from the name. Names
 * with other characters exist in Vault only, because in capitals two of them could become equal.
 */
export function variableOf(appCode: string, name: string): string | undefined {
  if (!/^[a-z0-9_]+$/.test(name)) return undefined;
  return `${SECRET_PREFIX}${appCode.replaceAll('-', '_')}__${name}`.toUpperCase();
}

/** `variables`: the environment variables that start with STEPBASE_SECRET_. */
export function createSecrets(
  engine: Pick<Engine, 'readSecret'>,
  variables: Readonly<Record<string, string>>,
): SecretsOf {
  return (appCode) => async (name) => {
    const variable = variableOf(appCode, name);
    const value = variable === undefined ? undefined : variables[variable];
    return value ?? (await engine.readSecret(appCode, name));
  };
}
