// Runs statements as the caller: role `authenticated` and the caller's claims for one transaction, so that
// row-level security and the checks of the RPCs apply as they do for supabase-js. A caller with the secret key has
// them, too: its statements reach one application only.
import type { Db, Query } from '../db/pool.ts';
import { APP_HEADER, type MemberCaller } from './caller.ts';

/** The server cancels a caller's statement that takes longer. */
const STATEMENT_MS = 10_000;

const BECOME = `select
  pg_catalog.set_config('role', 'authenticated', true),
  pg_catalog.set_config('request.jwt.claims', $1, true),
  pg_catalog.set_config('request.headers', $2, true),
  pg_catalog.set_config('statement_timeout', '${STATEMENT_MS}', true)`;

export function asCaller<T>(
  db: Db,
  caller: MemberCaller,
  work: (query: Query) => Promise<T>,
): Promise<T> {
  return db.transaction(async (query) => {
    await query(BECOME, [JSON.stringify(caller.claims), JSON.stringify(headersOf(caller))]);
    return await work(query);
  });
}

function headersOf(caller: MemberCaller): Record<string, string> {
  if (caller.kind !== 'service' || caller.appCode === undefined) return {};
  return { [APP_HEADER]: caller.appCode };
}
