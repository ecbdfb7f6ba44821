// The queue of tokens: pg-boss with everything off that needs a resident supervisor or DDL. Tokens
// are created and ended by the engine inside its transitions; workers only fetch them and renew their leases.

import { PgBoss } from 'pg-boss';
import type { Db } from '../../_shared/db/pool.ts';
import type { EagerStart, Lease, Token } from './engine.ts';

const QUEUE = 'steps';

/**
 * Nobody waits for the disk to take a token: what is written for its steps later waits for both. Should
 * the server crash before, the token is back in the queue, and whoever is second to start or claim is refused.
 */
const WITHOUT_WAITING = 'set local synchronous_commit to off;';

export interface TokenQueue {
  /** Takes up to `limit` tokens, those of higher priority and then the older first. */
  fetch(limit: number): Promise<Token[]>;
  /** Renews the lease of tokens that this worker holds; those that went to another are left to it. */
  touch(tokens: readonly Lease[]): Promise<void>;
  stop(): Promise<void>;
}

export async function openQueue(db: Db, onError: (error: Error) => void): Promise<TokenQueue> {
  const boss = new PgBoss({
    db: {
      executeSql: (text, values = []) =>
        db.executeSql(values.length === 0 ? `${WITHOUT_WAITING} ${text}` : text, values),
    },
    schema: 'stepbase_queue',
    migrate: false,
    supervise: false,
    schedule: false,
  });
  boss.on('error', onError);
  await boss.start();
  return {
    async fetch(limit) {
      const jobs = await boss.fetch<{ run_id: string; more_wait?: true; start?: EagerStart }>(
        QUEUE,
        { batchSize: limit },
      );
      return jobs.map(({ id, data, retryCount }) => ({
        jobId: id,
        delivery: retryCount,
        runId: data.run_id,
        hasBacklog: data.more_wait === true,
        start: data.start,
      }));
    },
    async touch(tokens) {
      await db.query('select stepbase_engine.renew_leases($1::uuid[], $2::int[])', [
        tokens.map(({ jobId }) => jobId),
        tokens.map(({ delivery }) => delivery),
      ]);
    },
    stop: () => boss.stop({ graceful: false, close: false }),
  };
}
