// The state of the read replica: whether it answers, by how much it is behind at most, and the position that a read needs.
// It is measured when a read asks for it, so an idle process and an invocation that is frozen cost nothing.
import { type Clock, pause } from '../../_shared/clock/clock.ts';
import { type Lsn, lsnOf, primaryPosition } from '../../_shared/db/lsn.ts';
import type { Db, Query } from '../../_shared/db/pool.ts';
import type { Log } from '../../_shared/log/log.ts';
import { createLag } from './lag.ts';

export interface ReplicaOptions {
  primary: Db;
  db: Db;
  clock: Clock;
  log: Log;
  maxLagMs: number;
}

export interface Replica {
  db: Db;
  /** Why a read must not go to the replica now; undefined if it may. */
  refusal(): Promise<'unreachable' | 'lagging' | undefined>;
  /** The position that the replica must have replayed for a read; `asked`: the newest one that the caller has seen. */
  positionFor(asked: Lsn | undefined): Promise<Lsn>;
  /** Waits in the transaction of a read, for a short time; false if the replica has not reached the position. */
  reaches(position: Lsn, replayed: Lsn, query: Query): Promise<boolean>;
  /** A read found that the replica does not answer. */
  failed(error: unknown): void;
  /** Measures now, and returns the bound of the lag in milliseconds; undefined if the replica does not answer. */
  measure(): Promise<number | undefined>;
}

/** How long a read waits for its position; usually a replica is behind by less. */
const REACH_MS = 100;
const POLL_MS = [2, 5, 10];
/** After a wait that ended without the position, reads ask once and do not wait. */
const IMPATIENT_MS = 1_000;
/** A replica that did not answer is asked again after this time, beside the reads. */
const COOLDOWN_MS = 5_000;
/** A measurement without an answer for this long has failed. */
const SILENT_MS = 2_000;

const STATE = `select pg_catalog.pg_is_in_recovery() as is_replica,
  pg_catalog.pg_last_wal_replay_lsn()::text as replayed,
  (extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp()) * 1000)::float8
    as age_ms`;

interface State {
  is_replica: boolean;
  replayed: string | null;
  /** Age of the newest replayed transaction; it grows while the primary writes nothing. */
  age_ms: number | null;
}

/** The replica is silent, or the server is not one. */
export class ReplicaFault extends Error {}

/** Fails if the work takes longer than a replica may be silent. */
export async function notSilent<T>(clock: Clock, work: Promise<T>): Promise<T> {
  let cancel = () => {};
  const silence = new Promise<never>((_done, fail) => {
    cancel = clock.after(SILENT_MS, () =>
      fail(new ReplicaFault(`the replica did not answer within ${SILENT_MS} ms`)),
    );
  });
  // The loser of the race may fail later.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, silence]);
  } finally {
    cancel();
  }
}

export function createReplica({ primary, db, clock, log, maxLagMs }: ReplicaOptions): Replica {
  const lag = createLag(maxLagMs);
  const remeasureMs = Math.min(1_000, maxLagMs / 4);
  let measuredAt = Number.NEGATIVE_INFINITY;
  let measuring: Promise<void> | undefined;
  /** While the replica does not answer: when it may be asked again. */
  let askAgainAt: number | undefined;
  let impatientUntil = Number.NEGATIVE_INFINITY;
  /** The newest known position of the primary. */
  let known: Lsn | undefined;

  async function askPrimary(): Promise<Lsn> {
    const at = clock.now();
    known = await primaryPosition(primary.query);
    lag.sawPrimary(known, at);
    return known;
  }

  async function askReplica(): Promise<void> {
    const [state] = await notSilent(clock, db.query<State>(STATE));
    if (!state?.is_replica || state.replayed === null) {
      throw new ReplicaFault('the server of DATABASE_REPLICA_URL is not a replica');
    }
    const { replayed, age_ms: age } = state;
    lag.sawReplica(lsnOf(replayed), age === null ? undefined : clock.now() - age);
  }

  function fail(error: unknown, askAgainMs: number): void {
    if (askAgainAt === undefined) {
      log.warn('the read replica does not answer; the primary answers its reads', { error });
    }
    askAgainAt = clock.now() + askAgainMs;
    lag.reset();
  }

  async function ask(): Promise<void> {
    // First, so that what the replica has replayed is compared with a position that is older. While the primary does not
    // answer, the bound of the lag grows.
    await askPrimary().catch(() => undefined);
    try {
      await askReplica();
      if (askAgainAt !== undefined) log.info('the read replica answers again');
      askAgainAt = undefined;
    } catch (error) {
      fail(error, COOLDOWN_MS);
    }
    measuredAt = clock.now();
  }

  function measureOnce(): Promise<void> {
    measuring ??= ask().finally(() => {
      measuring = undefined;
    });
    return measuring;
  }

  return {
    db,
    async refusal() {
      if (askAgainAt !== undefined) {
        // No read waits for a replica that did not answer.
        if (clock.now() >= askAgainAt) void measureOnce();
        return 'unreachable';
      }
      const age = clock.now() - measuredAt;
      if (lag.boundMs(clock.now()) > maxLagMs) {
        if (age >= remeasureMs) await measureOnce();
        if (askAgainAt !== undefined) return 'unreachable';
        return lag.boundMs(clock.now()) > maxLagMs ? 'lagging' : undefined;
      }
      if (age >= remeasureMs) void measureOnce();
      return undefined;
    },

    async positionFor(asked) {
      if (asked === undefined) return await askPrimary();
      if (known !== undefined && asked <= known) return asked;
      // A position that the primary has not reached is of a server that failed, or invented.
      const reached = await askPrimary();
      if (asked > reached) return reached;
      return asked;
    },

    async reaches(position, first, query) {
      const start = clock.now();
      const until = start < impatientUntil ? start : start + REACH_MS;
      let replayed = first;
      for (let polls = 0; replayed < position; polls += 1) {
        if (clock.now() >= until) {
          impatientUntil = clock.now() + IMPATIENT_MS;
          return false;
        }
        await pause(clock, POLL_MS[Math.min(polls, POLL_MS.length - 1)] ?? 0);
        const [row] = await query<{ replayed: string }>(
          'select pg_catalog.pg_last_wal_replay_lsn()::text as replayed',
        );
        if (row !== undefined) replayed = lsnOf(row.replayed);
      }
      lag.sawReplica(replayed);
      return true;
    },

    // Its pool may just have been full, so it is asked again at once.
    failed: (error) => fail(error, 0),

    async measure() {
      await measureOnce();
      return askAgainAt === undefined ? lag.boundMs(clock.now()) : undefined;
    },
  };
}
