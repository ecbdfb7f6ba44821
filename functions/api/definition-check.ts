// Checks a definition for a caller: the database reports its problems and gives the schemas, the checker finds the rest.
import { asCaller, type MemberCaller } from '../_shared/auth/index.ts';
import { checkDefinition, type Fault, mergeFaults } from '../_shared/checker/index.ts';
import type { Db } from '../_shared/db/pool.ts';
import { AppError } from '../_shared/errors/index.ts';
import { checkInSql, type Definition } from './definition-queries.ts';

export async function checkAsCaller(
  db: Db,
  member: MemberCaller,
  given: Definition,
): Promise<Fault[]> {
  const { problems, context } = await asCaller(db, member, (query) => checkInSql(query, given));
  return mergeFaults(given.definition, problems, await checkDefinition(given.definition, context));
}

/** The error for a definition with faults that prevent publishing; it lists all of them. */
export function refusal(faults: readonly Fault[]): AppError | undefined {
  const errors = faults.filter(({ severity }) => severity === 'error');
  const [first] = errors;
  if (first === undefined) return undefined;
  const more = errors.length === 1 ? '' : ` (and ${errors.length - 1} more)`;
  return new AppError('invalid_definition', `${first.message}${more}`, {
    extra: { errors: faults, ...(first.node === null ? {} : { node_id: first.node }) },
  });
}
