// Secrets of an app for `{{ secrets.<name> }}`: from the environment (STEPBASE_SECRET_<APP_CODE>__<NAME>) or from the
// database, which gives one only to an attempt that holds its lease. They are read when a step needs them and are
// never cached.

import { SECRET_PREFIX } from '../_shared/env/env.ts';
import type { Secret } from '../_shared/expressions/index.ts';
import type { Engine } from './engine/engine.ts';
import type { SecretsOf } from './executor.ts';
import { StepError } from './steps/errors.ts';

/** The variable of a secret with this ending lists the hosts that may receive it, separated by commas. */
const HOSTS_SUFFIX = '__HOSTS';

/**
 * The environment variable of a secret. Two secrets never share one: the code of an app is kebab-case, so it has
 * neither two underscores in a row nor one at its end, and the first `__` separates it from the name. Names
 * with other characters exist in the database only, because in capitals two of them could become equal; so do names
 * that end like the variable with the hosts.
 */
export function variableOf(appCode: string, name: string): string | undefined {
  if (!/^[a-z0-9_]+$/.test(name)) return undefined;
  const variable = `${SECRET_PREFIX}${appCode.replaceAll('-', '_')}__${name}`.toUpperCase();
  return variable.endsWith(HOSTS_SUFFIX) ? undefined : variable;
}

/** `variables`: the environment variables that start with STEPBASE_SECRET_. */
export function createSecrets(
  engine: Pick<Engine, 'readSecret'>,
  variables: Readonly<Record<string, string>>,
): SecretsOf {
  return (attempt) => async (name) => {
    const variable = variableOf(attempt.app_code, name);
    const value = variable === undefined ? undefined : variables[variable];
    if (value === undefined) {
      return await engine.readSecret(attempt.step_run_id, attempt.fence, name).catch(asLeaseLost);
    }
    return withHosts(value, variables[`${variable}${HOSTS_SUFFIX}`]);
  };
}

/** The engine refuses the outcome of this attempt once another worker has claimed the step. */
export function asLeaseLost(error: unknown): never {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'SB409') throw error;
  throw new StepError('lease_lost', 'the worker lost its lease', {
    retryable: true,
    cause: error,
  });
}

function withHosts(value: string, list: string | undefined): Secret {
  if (list === undefined) return { value };
  const hosts = list.split(',').map((host) => host.trim());
  return { value, hosts: hosts.filter((host) => host !== '') };
}
