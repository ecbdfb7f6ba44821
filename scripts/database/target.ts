// The migrated database that a tool looks at: the one of --db-url, or a throw-away stack's.

import { startThrowawayStack } from '../stack/throwaway.ts';

/** Runs something against a migrated database, made for it when no address is given. */
export async function withDatabase<T>(
  given: string | undefined,
  work: (url: string) => Promise<T>,
): Promise<T> {
  if (given) return await work(given);
  const stack = await startThrowawayStack({ functions: false, web: false, seed: false });
  try {
    return await work(stack.info.db_url);
  } finally {
    await stack.stop();
  }
}
