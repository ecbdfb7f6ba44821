// The statements of links in mails. They run with the function's own role, because a call has no user: its token
// identifies the person.
import type { Db } from '../_shared/db/pool.ts';
import type { Json } from './queries.ts';

async function objectOf(db: Db, call: string, values: unknown[]): Promise<Json> {
  const [row] = await db.query<{ value: Json }>(`select stepbase_engine.${call} as value`, values);
  if (row === undefined) throw new Error(`${call} returned nothing`);
  return row.value;
}

export const readTaskLink = (db: Db, token: string) => objectOf(db, 'read_task_link($1)', [token]);

export const useTaskLink = (db: Db, token: string, comment: string | undefined) =>
  objectOf(db, 'use_task_link($1, $2)', [token, comment ?? null]);
