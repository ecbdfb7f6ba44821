// How many reads of this process the replica and the primary answered, and why: the samples of a metric.
import type { Sample } from '../../_shared/metrics/text.ts';

/** Why the primary answered a read that a replica may answer. */
export const PRIMARY_REASONS = {
  no_replica: 'DATABASE_REPLICA_URL is not set',
  unreachable: 'the replica did not answer, or is not a replica',
  lagging: 'the replica is behind by more than the limit',
  not_replayed: 'the replica did not reach the position of the caller in time',
  conflict:
    'the replica cancelled the statement, to replay a change or at the request of an operator',
  error: 'the statement failed on the replica only',
} as const;
export type PrimaryReason = keyof typeof PRIMARY_REASONS;

export interface ReadCounts {
  replica(): void;
  primary(reason: PrimaryReason): void;
  samples(): Sample[];
}

export function createReadCounts(): ReadCounts {
  let onReplica = 0;
  // Each series exists from the start, so that a first failure is an increase.
  const counts = new Map<string, number>(Object.keys(PRIMARY_REASONS).map((name) => [name, 0]));
  const sample = (server: string, reason: string, value: number): Sample => ({
    name: 'api_reads_total',
    labels: { server, reason },
    value,
  });
  return {
    replica() {
      onReplica += 1;
    },
    primary(reason) {
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    },
    samples: () => [
      sample('replica', 'replayed', onReplica),
      ...[...counts].map(([reason, value]) => sample('primary', reason, value)),
    ],
  };
}
