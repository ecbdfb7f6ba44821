// The SQL of authentication.
import type { Db } from '../db/pool.ts';
import type { ApiKeyFacts } from './caller.ts';

/** Looks an API key up by its hash and notes that it was used. */
export function apiKeyFinder(db: Db): (hash: string) => Promise<ApiKeyFacts | undefined> {
  return async (hash) => {
    const [found] = await db.query<{ api_key_id: string; app_code: string }>(
      'select k.api_key_id, k.app_code from stepbase_private.verify_api_key($1) k',
      [hash],
    );
    return found;
  };
}
