// The statements about components: their secrets, as the caller, and their callbacks, with the function's own role, because
// a token identifies the attempt that it answers.
import type { Db, Query } from '../_shared/db/pool.ts';
import { storableText, toStorableJson } from '../_shared/text/storable.ts';
import { type Json, one } from './queries.ts';

export const rotateComponentSecret = (query: Query, id: string, seconds: number) =>
  one(query, 'select stepbase.rotate_component_secret($1, $2::int) as value', [id, seconds]);

async function objectOf(db: Db, call: string, values: unknown[]): Promise<Json> {
  const [row] = await db.query<{ value: Json }>(`select stepbase_engine.${call} as value`, values);
  if (row === undefined) throw new Error(`${call} returned nothing`);
  return row.value;
}

export const completeCallback = (db: Db, token: string, output: unknown) =>
  objectOf(db, 'complete_callback($1, $2::jsonb)', [token, toStorableJson(output ?? null)]);

export interface Failure {
  code: string;
  message: string;
  retryable: boolean;
}

export const failCallback = (db: Db, token: string, { code, message, retryable }: Failure) =>
  objectOf(db, 'fail_callback($1, $2, $3, $4)', [token, code, storableText(message), retryable]);

export const logCallback = (db: Db, token: string, lines: readonly object[]) =>
  objectOf(db, 'log_callback($1, $2::jsonb)', [token, toStorableJson(lines)]);

export const heartbeatCallback = (db: Db, token: string) =>
  objectOf(db, 'heartbeat_callback($1)', [token]);
