// The queue of tokens: pg-boss without its supervisor, its scheduler and its migrations, none of which an
// edge function can run. The engine creates and ends tokens in its transitions; workers fetch them and renew leases.

import { PgBoss } from 'pg-boss';
import type { Clock } from '../../_shared/clock/clock.ts';
import type { Db } from '../../_shared/db/pool.ts';
import { QueueStart } from './queue-start.ts';
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

/** The queue, opened by its first use: a worker that does not fit the schema opens none. */
export function lazyQueue(open: () => Promise<TokenQueue>): TokenQueue {
  let opened: Promise<TokenQueue> | undefined;
  function queue(): Promise<TokenQueue> {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  }
  return {
    fetch: async (limit, exceptApps) => (await queue()).fetch(limit, exceptApps),
    renewLeases: async (leases) => (await queue()).renewLeases(leases),
    stop: async () => (await opened)?.stop(),
  };
}

interface TokenData {
  run_id: string;
  round: number;
  more_wait?: true;
  start?: EagerStart;
}

/**
 * pg-boss joins the table with the fetched ids. On statistics of an empty queue the planner may read the whole key for
 * that, with the dead entries of all tokens; ids that are values of the statement are always looked up.
 */
function lookedUpById(text: string): string {
  return text.replace(
    /FROM next(\s+WHERE name = '\w+') AND j\.id = next\.id/,
    '$1 AND j.id = ANY (ARRAY(SELECT id FROM next))',
  );
}

/** Puts integers into the text: two statements in one text cannot have values. */
function withIntegers(text: string, values: readonly unknown[]): string {
  return text.replaceAll(/\$(\d+)/g, (_, number: string) => `(${values[Number(number) - 1]})`);
}

export async function openQueue(
  db: Db,
  clock: Clock,
  onError: (error: Error) => void,
): Promise<TokenQueue> {
  const boss = new PgBoss({
    db: {
      executeSql: (text, values = []) =>
        values.every(Number.isInteger)
          ? db.executeSql(`${WITHOUT_FLUSH} ${withIntegers(lookedUpById(text), values)}`)
          : db.executeSql(lookedUpById(text), values),
    },
    schema: 'stepbase_queue',
    migrate: false,
    supervise: false,
    schedule: false,
  });
  boss.on('error', onError);
  await boss.start();
  const queueStart = new QueueStart(async (lastFetched) => {
    const [row] = await db.query<{ first_round: number | null; next_round: number }>(
      'select * from stepbase_engine.move_queue_start($1)',
      [lastFetched ?? null],
    );
    return { firstRound: row?.first_round ?? undefined, next: row?.next_round ?? 0 };
  }, clock);
  return {
    async fetch(limit, exceptApps = []) {
      const round = await queueStart.round();
      const jobs = await boss.fetch<TokenData>(QUEUE, {
        batchSize: limit,
        // The priority of a token is its round, negated; its group is its app.
        ...(round === undefined ? {} : { maxPriority: 0 - round }),
        ...(exceptApps.length > 0 ? { ignoreGroups: [...exceptApps] } : {}),
      });
      queueStart.noteFetched(jobs.map(({ data }) => data.round));
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
