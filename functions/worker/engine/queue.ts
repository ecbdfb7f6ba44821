// The queue of tokens: pg-boss without its supervisor, its scheduler and its migrations, none of which an
// edge function can run. The engine creates and ends tokens in its transitions; workers fetch them and renew leases.

import { PgBoss } from 'pg-boss';
import type { Db } from '../../_shared/db/pool.ts';
import type { EagerStart, Lease, Token } from './types.ts';

const QUEUE = 'steps';

/**
 * A fetch does not wait for the disk; the later write of the step's result waits for both. If the server
 * crashes in between, the token is in the queue again, and of two workers only the first may start or claim.
 */
const WITHOUT_FLUSH = 'set local synchronous_commit to off;';

export interface TokenQueue {
  /** Leases up to `limit` tokens, without those of some apps: by priority, then the oldest first. */
  fetch(limit: number, exceptApps?: readonly string[]): Promise<Token[]>;
  /** Renews leases; a lease that another worker has taken over stays with that worker. */
  renewLeases(leases: readonly Lease[]): Promise<void>;
  stop(): Promise<void>;
}

export async function openQueue(db: Db, onError: (error: Error) => void): Promise<TokenQueue> {
  const boss = new PgBoss({
    db: {
      executeSql: (text, values = []) =>
        db.executeSql(values.length === 0 ? `${WITHOUT_FLUSH} ${text}` : text, values),
    },
    schema: 'stepbase_queue',
    migrate: false,
    supervise: false,
    schedule: false,
  });
  boss.on('error', onError);
  await boss.start();
  return {
    async fetch(limit, exceptApps = []) {
      const jobs = await boss.fetch<{ run_id: string; more_wait?: true; start?: EagerStart }>(
        QUEUE,
        // The group of a token is its app.
        { batchSize: limit, ...(exceptApps.length > 0 ? { ignoreGroups: [...exceptApps] } : {}) },
      );
      return jobs.map(({ id, data, retryCount }) => ({
        jobId: id,
        delivery: retryCount,
        runId: data.run_id,
        hasBacklog: data.more_wait === true,
        start: data.start,
      }));
    },
    async renewLeases(leases) {
      await db.query('select stepbase_engine.renew_leases($1::uuid[], $2::int[])', [
        leases.map(({ jobId }) => jobId),
        leases.map(({ delivery }) => delivery),
      ]);
    },
    stop: () => boss.stop({ graceful: false, close: false }),
  };
}
