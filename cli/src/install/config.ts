// The settings of Stepbase in supabase/config.toml: the exposed schema, the access-token hook, and the two functions.
import { isDeepStrictEqual } from 'node:util';
import { isObject } from '../../../sdk/src/workflow/json.ts';
import { CliError, usage } from '../errors.ts';
import { FUNCTIONS } from './assets.ts';
import { COMPOSED_HOOK, hookFunction, OWN_HOOK, type SqlFunction } from './hook.ts';
import { addToArray, appendTable, parseToml, setKey, valueAt } from './toml.ts';

export const CONFIG = 'supabase/config.toml';
const SCHEMA = 'stepbase';
const HOOK = ['auth', 'hook', 'custom_access_token'];
/** The schemas of a project that names none. */
const DEFAULT_SCHEMAS = ['public', 'graphql_public'];

export interface ConfigPlan {
  text: string;
  /** The hook of the project, which a migration has to call. */
  composes: SqlFunction | undefined;
  notes: string[];
}

export interface ConfigOptions {
  /** False: the access-token hook stays as it is. */
  hook: boolean;
  /** Whether a migration of the project calls stepbase_private.add_claims. */
  isComposed: boolean;
}

export function configured(text: string, options: ConfigOptions): ConfigPlan {
  parseToml(text, CONFIG);
  try {
    return withSettings(text, options);
  } catch (error) {
    // A change of an inline table, for example, would make the file invalid.
    throw error instanceof CliError && error.code === 'invalid_config' ? unsupported() : error;
  }
}

function withSettings(text: string, { hook, isComposed }: ConfigOptions): ConfigPlan {
  const notes: string[] = [];
  let composes: SqlFunction | undefined;
  let result = withSchema(text);
  const found = hookOf(result);
  if (!hook) {
    notes.push('The access-token hook stays as it is: tokens have no claims of Stepbase.');
  } else if (found.uri === undefined && !found.isTable) {
    result = appendTable(
      result,
      'Stepbase: adds the application, the role and the permissions to each access token.',
      HOOK,
      { enabled: true, uri: OWN_HOOK },
    );
  } else if (!found.isEnabled || found.uri === undefined) {
    result = setKey(setKey(result, HOOK, 'enabled', true), HOOK, 'uri', OWN_HOOK);
  } else if (found.uri !== OWN_HOOK && found.uri !== COMPOSED_HOOK) {
    if (isComposed) {
      notes.push('Your access-token hook calls stepbase_private.add_claims, so it stays as it is.');
    } else {
      composes = hookFunction(found.uri);
      result = setKey(result, HOOK, 'uri', COMPOSED_HOOK);
    }
  }
  for (const name of FUNCTIONS) result = withFunction(result, name, notes);
  requireInstalled(result, hook && !isComposed);
  return { text: result, composes, notes };
}

function withSchema(text: string): string {
  const schemas = valueAt(parseToml(text, CONFIG), ['api', 'schemas']);
  if (Array.isArray(schemas)) {
    return schemas.includes(SCHEMA) ? text : addToArray(text, ['api', 'schemas'], SCHEMA);
  }
  return setKey(text, ['api'], 'schemas', [...DEFAULT_SCHEMAS, SCHEMA]);
}

interface Hook {
  isTable: boolean;
  isEnabled: boolean;
  uri: string | undefined;
}

function hookOf(text: string): Hook {
  const table = valueAt(parseToml(text, CONFIG), HOOK);
  if (!isObject(table)) return { isTable: false, isEnabled: false, uri: undefined };
  const { enabled, uri } = table;
  return {
    isTable: true,
    isEnabled: enabled === true,
    uri: typeof uri === 'string' && uri !== '' ? uri : undefined,
  };
}

/** Whether sign-ins call a function of Stepbase: uninstalling it would then refuse each sign-in. */
export function usesHookOfStepbase(text: string): boolean {
  const { isEnabled, uri } = hookOf(text);
  return isEnabled && (uri === OWN_HOOK || uri === COMPOSED_HOOK);
}

function withFunction(text: string, name: string, notes: string[]): string {
  const table = valueAt(parseToml(text, CONFIG), ['functions', name]);
  if (!isObject(table)) {
    return appendTable(
      text,
      'Stepbase: the function verifies its callers itself, also those with an API key.',
      ['functions', name],
      { enabled: true, verify_jwt: false, entrypoint: `./functions/${name}/index.js` },
    );
  }
  if (table.verify_jwt !== false) {
    notes.push(`[functions.${name}] needs verify_jwt = false, because API keys are not JWTs.`);
  }
  return text;
}

/** A form of TOML that the changes do not handle, such as an inline table, would give another result. */
function requireInstalled(text: string, hasHook: boolean): void {
  const config = parseToml(text, CONFIG);
  const schemas = valueAt(config, ['api', 'schemas']);
  const isInstalled =
    Array.isArray(schemas) &&
    schemas.includes(SCHEMA) &&
    (!hasHook || usesHookOfStepbase(text)) &&
    FUNCTIONS.every((name) => isObject(valueAt(config, ['functions', name])));
  if (isInstalled) return;
  throw unsupported();
}

const unsupported = (): CliError =>
  usage(
    'unsupported_config',
    `${CONFIG} has a form that cannot be changed automatically`,
    'Write [api], [auth.hook.custom_access_token] and [functions.…] as tables of their own.',
  );

/** What of the settings is missing, for `stepbase doctor`. */
export function missingSettings(text: string): string[] {
  const config = parseToml(text, CONFIG);
  const schemas = valueAt(config, ['api', 'schemas']);
  const { isEnabled } = hookOf(text);
  return [
    ...(Array.isArray(schemas) && schemas.includes(SCHEMA)
      ? []
      : ['[api] schemas does not have "stepbase"']),
    ...(isEnabled ? [] : ['[auth.hook.custom_access_token] is off']),
    ...FUNCTIONS.filter(
      (name) => !isDeepStrictEqual(valueAt(config, ['functions', name, 'verify_jwt']), false),
    ).map((name) => `[functions.${name}] has no verify_jwt = false`),
  ];
}
