// The read access of callers without the secret key to the embedded Storage. It has no table storage.objects, so it asks the
// function that Stepbase's policy on that table calls, as the caller.

import type { Claims } from './identity.ts';
import { withClient } from './postgres/connection.ts';

const OUTPUTS = 'stepbase-outputs';

export type MayRead = (claims: Claims, bucket: string, name: string) => Promise<boolean>;

/** `dbUrl`: as role authenticator. */
export function readPolicy(dbUrl: string): MayRead {
  return async (claims, bucket, name) => {
    if (bucket !== OUTPUTS || claims.role !== 'authenticated') return false;
    return await withClient(dbUrl, async (client) => {
      await client.query('begin');
      await client.query(
        "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)",
        [claims.role, JSON.stringify(claims)],
      );
      const { rows } = await client.query<{ allowed: boolean }>(
        'select stepbase_private.may_read_stored_output($1) as allowed',
        [name],
      );
      await client.query('rollback');
      return rows[0]?.allowed === true;
    });
  };
}
