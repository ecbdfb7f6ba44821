// The statements of authentication.
import type { Db } from '../db/pool.ts';
import type { ApiKeyFacts } from './caller.ts';

/** Looks up an API key by its hash and records that it was used. */
export function apiKeyFinder(db: Db): (hash: string) => Promise<ApiKeyFacts | undefined> {
  return async (hash) => {
    const [found] = await db.query<{ api_key_id: string; app_code: string }>(
      'select k.api_key_id, k.app_code from stepbase_private.verify_api_key($1) k',
      [hash],
    );
    return found;
  };
}
