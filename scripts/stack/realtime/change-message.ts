// The message about a change: the columns that the role of the subscriber may read, in the format of the hosted
// service.

import type { Relation } from './change-rows.ts';
import { limits } from './limits.ts';

export type ChangeType = 'INSERT' | 'UPDATE' | 'DELETE';

type Row = Record<string, unknown>;

export function changeMessage(
  type: ChangeType,
  relation: Relation,
  readable: Set<string>,
  commitTimestamp: string,
  record: Row,
  old: Row,
): Row {
  const { schema, table } = relation;
  const tooLarge = JSON.stringify(record).length > limits.changeBytes;
  const visible = (row: Row, keyOnly: boolean) =>
    Object.fromEntries(
      relation.columns
        .filter(({ name, isKey }) => name in row && readable.has(name) && (isKey || !keyOnly))
        .filter(({ name }) => !tooLarge || (JSON.stringify(row[name]) ?? '').length <= 64)
        .map(({ name }) => [name, row[name]]),
    );
  return {
    schema,
    table,
    type,
    commit_timestamp: commitTimestamp,
    columns: relation.columns
      .filter(({ name }) => readable.has(name))
      .map(({ name, typeName }) => ({ name, type: typeName })),
    ...(type === 'DELETE' ? {} : { record: visible(record, false) }),
    // Policies cannot be checked on a deleted row: under RLS only its key is sent, as on a hosted project.
    ...(type === 'INSERT'
      ? {}
      : { old_record: visible(old, type === 'DELETE' && relation.hasRls) }),
    errors: tooLarge ? ['Error 413: Payload Too Large'] : null,
  };
}

/** The message if the policies cannot be checked, or if the role may not read the table. */
export function changeError(type: ChangeType, { schema, table }: Relation, error: string): Row {
  return { schema, table, type, errors: [error] };
}
