// Closes the connections of @supabase/lite, a postgres.js pool: without a time limit it would wait forever for a
// connection that is busy when the pool is closed.

import type { PostgresConnection } from '@supabase/lite/postgres';

const GRACE_SECONDS = 2;

/** Running statements have a grace time to finish; then their connections are cut. */
export async function closePool(connection: PostgresConnection): Promise<void> {
  await connection.driver.end({ timeout: GRACE_SECONDS });
}
