// A function, table or column that the Data API does not have: the SDK and the schema may have different versions. The
// version of the schema is read only then, so that no other call pays for it.
import { errorOf, type StepbaseError } from '../errors/errors.ts';
import { compareVersions, VERSION } from '../version.ts';
import type { Rest } from './like.ts';

/** PostgREST: no such function, column, table. PostgreSQL: no such column, function, table. */
const MISSING: ReadonlySet<string> = new Set([
  'PGRST202',
  'PGRST204',
  'PGRST205',
  '42703',
  '42883',
  '42P01',
]);

const isMissing = ({ cause }: StepbaseError): boolean =>
  typeof cause === 'object' && cause !== null && 'code' in cause && MISSING.has(String(cause.code));

/** The error itself, or the one of versions that do not fit. */
export async function withVersions(
  rest: Rest,
  error: StepbaseError,
  signal: AbortSignal,
): Promise<StepbaseError> {
  if (!isMissing(error)) return error;
  const answer = await rest.rpc('version').abortSignal(signal);
  const { version = '0.0.0', oldest_client: oldest = '0.0.0' } = (answer.data ?? {}) as {
    version?: string;
    oldest_client?: string;
  };
  const facts = { cause: error, details: { schema_version: version, client_version: VERSION } };
  if (compareVersions(VERSION, oldest) < 0) {
    return errorOf(
      'client_too_old',
      `stepbase ${VERSION} is too old for the database, which has version ${version}. Install stepbase@${version}.`,
      { ...facts, details: { ...facts.details, oldest_client: oldest } },
    );
  }
  if (compareVersions(version, VERSION) < 0) {
    const message = `The database has Stepbase ${version}, which is older than stepbase ${VERSION}: ${error.message}`;
    return errorOf('schema_too_old', message, facts);
  }
  return error;
}
