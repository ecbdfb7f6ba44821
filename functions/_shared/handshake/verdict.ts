// Whether functions and schema fit: the functions name the oldest schema that they work with, and the schema names the
// oldest functions. Only the later one of two releases knows a breaking change, and this way it also names it.

import { AppError } from '../errors/index.ts';
import { compareVersions } from '../version.ts';

/** The answer of stepbase.version(). */
export interface SchemaVersion {
  version: string;
  oldest_functions: string;
  oldest_client: string;
}

export interface FunctionsVersion {
  version: string;
  schemaFrom: string;
}

/** The error of functions that must not work with this schema; `undefined` schema: it has no version(). */
export function misfit(
  { version, schemaFrom }: FunctionsVersion,
  schema: SchemaVersion | undefined,
): AppError | undefined {
  const extra = {
    schema_version: schema?.version ?? null,
    functions_version: version,
    needed_schema_version: schemaFrom,
  };
  if (schema === undefined) {
    const message =
      `The database has no Stepbase, or one older than 0.1.0; the functions ${version} need ${schemaFrom} or later. ` +
      'Apply the migrations (npx supabase db push).';
    return new AppError('schema_too_old', message, { extra });
  }
  if (compareVersions(schema.version, schemaFrom) < 0) {
    const message =
      `The database has version ${schema.version}; the functions ${version} need ${schemaFrom} or later. ` +
      `Apply the migrations of ${version} (npx supabase db push).`;
    return new AppError('schema_too_old', message, { extra });
  }
  if (compareVersions(version, schema.oldest_functions) < 0) {
    const message =
      `The database has version ${schema.version}, which needs functions of ${schema.oldest_functions} or later; ` +
      `these have ${version}. Deploy the functions of ${schema.version}.`;
    return new AppError('schema_too_new', message, {
      extra: { ...extra, oldest_functions: schema.oldest_functions },
    });
  }
  return undefined;
}
