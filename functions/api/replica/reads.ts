// Reads that a replica may answer. A read sees at least everything that was committed before it, or, with the header
// Stepbase-LSN, at least everything up to that position. If the replica cannot show that, or fails, the primary answers.
import type { Context } from 'hono';
import { asCaller, asCallerOnReplica, type MemberCaller } from '../../_shared/auth/index.ts';
import type { Clock } from '../../_shared/clock/clock.ts';
import {
  isDatabaseAway,
  isLockTimeout,
  isRejected,
  isStatementTimeout,
} from '../../_shared/db/faults.ts';
import { type Lsn, lsnText, parseLsn, primaryPosition } from '../../_shared/db/lsn.ts';
import type { Db, Query } from '../../_shared/db/pool.ts';
import { AppError } from '../../_shared/errors/index.ts';
import type { Log } from '../../_shared/log/log.ts';
import type { Sample } from '../../_shared/metrics/text.ts';
import { createReadCounts, type PrimaryReason, type ReadCounts } from './read-counts.ts';
import { notSilent, type Replica, ReplicaFault } from './replica.ts';

/** Of a request: a position that its reads must see. Of an answer: the position up to which it saw or wrote. */
export const LSN_HEADER = 'Stepbase-LSN';

export interface Reads {
  hasReplica: boolean;
  /** Statements as the caller of a request, which write nothing and may be repeated. */
  asCaller<T>(c: Context, caller: MemberCaller, work: (query: Query) => Promise<T>): Promise<T>;
  /** Statements with the role of the function, at a position within the limit of the lag. */
  asFunction<T>(work: (db: Db) => Promise<T>): Promise<T>;
  /** The newest position of the primary, for the answer of any other request. */
  position(): Promise<string>;
  /** The state of the replica, for metrics; the lag is undefined if it does not answer. */
  measure(): Promise<{ lagMs: number | undefined } | undefined>;
  samples(): Sample[];
}

export interface ReadsOptions {
  primary: Db;
  replica: Replica | undefined;
  clock: Clock;
  log: Log;
}

/** The replica has no fault, but is not where the read needs it. */
class NotReplayed extends Error {}

/** SQLSTATEs of a replica that cancels statements to replay a change: serialization failure, deadlock, dropped database. */
const CONFLICTS: ReadonlySet<unknown> = new Set(['40001', '40P01', '57P04']);

/** A statement that was cancelled so early has not used up its time; a recovery or an operator cancelled it. */
const EARLY_MS = 9_000;

/** The counters are about requests of callers, not about the scrapes that read them. */
const UNCOUNTED = { replica: () => undefined, primary: () => undefined };

/** Why the primary may succeed where the replica failed; undefined if it would fail in the same way. */
export function reasonToRetry(error: unknown, tookMs: number): PrimaryReason | undefined {
  if (error instanceof NotReplayed) return 'not_replayed';
  if (error instanceof AppError || isRejected(error)) return undefined;
  // A second try of a slow statement would only double the load.
  if (isStatementTimeout(error)) return tookMs < EARLY_MS ? 'conflict' : undefined;
  const { code } = Object(error) as { code?: unknown };
  if (CONFLICTS.has(code) || isLockTimeout(error)) return 'conflict';
  if (isDatabaseAway(error) || error instanceof ReplicaFault) return 'unreachable';
  return 'error';
}

function askedPosition(c: Context): Lsn | undefined {
  const text = c.req.header(LSN_HEADER);
  if (text === undefined || text === '') return undefined;
  const lsn = parseLsn(text);
  if (lsn !== undefined) return lsn;
  throw new AppError('invalid_request', `${LSN_HEADER} must be the value of an earlier answer`);
}

export function createReads({ primary, replica, clock, log }: ReadsOptions): Reads {
  const counts = createReadCounts();

  /** Answers by the replica, or by the primary if `onReplica` finds a reason. */
  async function choose<T>(
    onReplica: (replica: Replica) => Promise<T>,
    onPrimary: () => Promise<T>,
    count: Pick<ReadCounts, 'replica' | 'primary'>,
  ): Promise<T> {
    let reason: PrimaryReason | undefined = 'no_replica';
    if (replica !== undefined) {
      reason = await replica.refusal();
      if (reason === undefined) {
        const start = clock.now();
        try {
          const result = await onReplica(replica);
          count.replica();
          return result;
        } catch (error) {
          reason = reasonToRetry(error, clock.now() - start);
          if (reason === undefined) {
            count.replica();
            throw error;
          }
          if (reason === 'unreachable') replica.failed(error);
          if (reason === 'error') log.warn('a read failed on the replica', { error });
        }
      }
    }
    count.primary(reason);
    return await onPrimary();
  }

  /** The statements of the work have their own limit; until they begin, the replica must not be silent. */
  async function readReplica<T>(
    of: Replica,
    caller: MemberCaller,
    position: Lsn,
    work: (query: Query) => Promise<T>,
    onPosition: (position: string) => void,
  ): Promise<T> {
    let begun = () => {};
    const beginning = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const reading = asCallerOnReplica(
      of.db,
      caller,
      async (replayed, query) => {
        if (replayed === undefined) throw new ReplicaFault('the server is not a replica');
        const isReached = await of.reaches(position, replayed, query);
        begun();
        if (!isReached) throw new NotReplayed();
      },
      work,
      { onPosition },
    );
    await notSilent(clock, Promise.race([beginning, reading]));
    return await reading;
  }

  return {
    hasReplica: replica !== undefined,
    asCaller(c, caller, work) {
      const asked = replica === undefined ? undefined : askedPosition(c);
      const onPosition = (position: string) => c.header(LSN_HEADER, position || undefined);
      return choose(
        async (of) => {
          const position = await of.positionFor(asked).catch((error: unknown) => {
            // The primary is away, which the read on it reports.
            throw new NotReplayed(undefined, { cause: error });
          });
          return await readReplica(of, caller, position, work, onPosition);
        },
        () => asCaller(primary, caller, work, replica === undefined ? {} : { onPosition }),
        counts,
      );
    },
    asFunction: (work) =>
      choose(
        (of) => work(of.db),
        () => work(primary),
        UNCOUNTED,
      ),
    position: async () => lsnText(await primaryPosition(primary.query)),
    async measure() {
      if (replica === undefined) return undefined;
      return { lagMs: await replica.measure() };
    },
    samples: () => counts.samples(),
  };
}
