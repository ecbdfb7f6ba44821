// Closing the connections of @supabase/lite, which are postgres.js: left to itself it waits for ever for
// a connection that was at work when it was asked to close.

import type { PostgresConnection } from '@supabase/lite/postgres';

const GRACE_SECONDS = 2;

/** Statements under way get a moment to finish; then their connections are cut. */
export async function closePool(connection: PostgresConnection): Promise<void> {
  await connection.driver.end({ timeout: GRACE_SECONDS });
}
