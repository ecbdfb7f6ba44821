// The ends of the stack's connection pools. Both drivers would wait without a limit for a statement that runs when the pool
// is closed, such as one that waits for a lock: it has a grace time to finish, and then its connection is cut.

import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresConnection } from '@supabase/lite/postgres';
import pg from 'pg';

const GRACE_SECONDS = 2;

/** The server looks for the client while a statement runs or waits, so that none outlives a connection that was cut. */
export const ENDS_WITH_CLIENT = { client_connection_check_interval: '1s' } as const;

/** Closes the connections of @supabase/lite, a postgres.js pool. */
export async function closePool(connection: PostgresConnection): Promise<void> {
  await connection.driver.end({ timeout: GRACE_SECONDS });
}

/** A pool of the driver `pg` with an end that is bounded. Lost connections are no error of the process. */
export class StackPool extends pg.Pool {
  readonly #clients = new Set<pg.PoolClient>();

  constructor(config: pg.PoolConfig) {
    const settings = Object.entries(ENDS_WITH_CLIENT).map(([name, value]) => `-c ${name}=${value}`);
    super({ ...config, options: settings.join(' ') });
    this.on('error', () => undefined);
    this.on('connect', (client) => {
      this.#clients.add(client);
      // The pool listens to idle connections only; a lost busy one also rejects its query.
      client.on('error', () => undefined);
    });
    this.on('remove', (client) => this.#clients.delete(client));
  }

  /** Resolves when all connections are closed. A request that still waits for a connection never settles. */
  async stop(): Promise<void> {
    const late = new AbortController();
    const ended = this.end().finally(() => late.abort());
    await Promise.race([
      ended,
      sleep(GRACE_SECONDS * 1_000, undefined, { signal: late.signal }).catch(() => undefined),
    ]);
    // Ending a busy client cuts its connection.
    for (const client of this.#clients) {
      (client as unknown as pg.Client).end().catch(() => undefined);
    }
    await ended;
  }
}
