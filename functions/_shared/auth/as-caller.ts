// Runs statements as the caller: role `authenticated` and the caller's claims for one transaction, so that
// row-level security and the checks of the RPCs apply as they do for supabase-js. A caller with the secret key has
// them, too: its statements reach one application only.
import { type Lsn, lsnOf } from '../db/lsn.ts';
import type { Db, Query, TransactionOptions } from '../db/pool.ts';
import { APP_HEADER, type MemberCaller } from './caller.ts';

/** The server cancels a caller's statement that takes longer. */
const STATEMENT_MS = 10_000;

const BECOME = `select
  pg_catalog.set_config('role', 'authenticated', true),
  pg_catalog.set_config('request.jwt.claims', $1, true),
  pg_catalog.set_config('request.headers', $2, true),
  pg_catalog.set_config('statement_timeout', '${STATEMENT_MS}', true)`;

/** The same on a replica; null where the server is not one. */
const BECOME_ON_REPLICA = `${BECOME},
  (case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn() end)::text as replayed`;

const identityOf = (caller: MemberCaller) => [
  JSON.stringify(caller.claims),
  JSON.stringify(headersOf(caller)),
];

export function asCaller<T>(
  db: Db,
  caller: MemberCaller,
  work: (query: Query) => Promise<T>,
  options?: TransactionOptions,
): Promise<T> {
  return db.transaction(async (query) => {
    await query(BECOME, identityOf(caller));
    return await work(query);
  }, options);
}

/** `onReplayed` gets the position of the replica before the work, or undefined if the server is not a replica. */
export function asCallerOnReplica<T>(
  db: Db,
  caller: MemberCaller,
  onReplayed: (replayed: Lsn | undefined, query: Query) => Promise<void>,
  work: (query: Query) => Promise<T>,
  options?: TransactionOptions,
): Promise<T> {
  return db.transaction(async (query) => {
    const [row] = await query<{ replayed: string | null }>(BECOME_ON_REPLICA, identityOf(caller));
    await onReplayed(row?.replayed ? lsnOf(row.replayed) : undefined, query);
    // Each statement sees what was replayed when it starts (read committed).
    return await work(query);
  }, options);
}

function headersOf(caller: MemberCaller): Record<string, string> {
  if (caller.kind !== 'service' || caller.appCode === undefined) return {};
  return { [APP_HEADER]: caller.appCode };
}
