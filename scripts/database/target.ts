// The migrated database that a tool inspects: the one of --db-url, or that of a throw-away stack.

import { startThrowawayStack } from '../stack/throwaway.ts';

/** Runs `work` on a migrated database; starts a throw-away stack if no URL is given. */
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
