// By how much a replica may be behind, at most, without comparing the clocks of two servers: the newest position of the
// primary that this process read and that the replica has replayed. A replica that has replayed it shows everything from
// before the time at which it was read, also while the primary writes nothing.
import type { Lsn } from '../../_shared/db/lsn.ts';

/** Positions that are kept for one limit of the lag; as many again are kept beyond it. */
const PER_LIMIT = 64;

export interface Lag {
  /** The position of the primary, and the time at which it was asked for. */
  sawPrimary(position: Lsn, at: number): void;
  /** What the replica has replayed. `freshAt`: the time that the replica itself states for it, if known. */
  sawReplica(replayed: Lsn, freshAt?: number): void;
  /** Milliseconds by which the replica may be behind, at most; infinite before the first replayed position. */
  boundMs(now: number): number;
  /** After a connection to another server: what was known of the old one has no meaning. */
  reset(): void;
}

export function createLag(maxLagMs: number): Lag {
  let positions: { position: Lsn; at: number }[] = [];
  let fresh = Number.NEGATIVE_INFINITY;

  return {
    sawPrimary(position, at) {
      const before = positions.at(-2);
      // Frequent reads would push out the old positions, which a slow replica has replayed.
      if (before !== undefined && at - before.at < maxLagMs / PER_LIMIT) positions.pop();
      positions.push({ position, at });
      if (positions.length > 2 * PER_LIMIT) positions.shift();
    },
    sawReplica(replayed, freshAt = Number.NEGATIVE_INFINITY) {
      fresh = positions.reduce(
        (newest, { position, at }) => (position <= replayed ? Math.max(newest, at) : newest),
        Math.max(fresh, freshAt),
      );
    },
    boundMs: (now) => Math.max(0, now - fresh),
    reset() {
      positions = [];
      fresh = Number.NEGATIVE_INFINITY;
    },
  };
}
