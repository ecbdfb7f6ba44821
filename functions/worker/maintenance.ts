// The periodic work of a worker beside its steps: it renews its leases, writes its heartbeat, returns
// tokens with expired leases to the queue, and asks whether the runs of its steps have ended.

import type { Engine, Heartbeat, Lease } from './engine/engine.ts';
import type { TokenQueue } from './engine/queue.ts';
import type { Timers } from './timers.ts';

export interface MaintenanceOptions {
  engine: Pick<Engine, 'endedRuns' | 'expireLeases'>;
  queue: Pick<TokenQueue, 'renewLeases'>;
  timers: Timers;
  leaseSeconds: number;
  heartbeat(): Heartbeat;
  cancelPollMs(): number;
  leases(): Lease[];
  /** The runs of the steps in flight. */
  runIds(): string[];
  /** Tokens went back to the queue. */
  onExpired(): void;
  onRunEnded(runId: string): void;
  onError(message: string, error: unknown): void;
}

export interface Maintenance {
  /** Writes the heartbeat and returns tokens with expired leases to the queue, now. */
  expireLeases(): void;
  /** Repeats all of it until the timers stop. */
  begin(): void;
}

/** stepbase_engine.expire_workers marks a worker as lost that misses two of these. */
const HEARTBEAT_MS = 20_000;

export function createMaintenance(options: MaintenanceOptions): Maintenance {
  const { engine, timers, onError } = options;
  const thirdOfLease = (options.leaseSeconds * 1000) / 3;

  function renewLeases(): void {
    const leases = options.leases();
    if (leases.length === 0) return;
    options.queue.renewLeases(leases).catch((error: unknown) => {
      onError(`${leases.length} leases could not be renewed; the next attempt follows`, error);
    });
  }

  function expireLeases(): void {
    engine
      .expireLeases(options.leaseSeconds, options.heartbeat())
      .then((count) => {
        if (count > 0) options.onExpired();
      })
      .catch((error: unknown) => {
        onError('the heartbeat and the check for expired leases failed; both are repeated', error);
      });
  }

  /** Where no message reports a cancellation, the worker asks for the runs of its steps. */
  function pollCancellations(): void {
    const runIds = options.runIds();
    if (runIds.length === 0) return;
    engine
      .endedRuns(runIds)
      .then((ended) => {
        for (const runId of ended) options.onRunEnded(runId);
      })
      .catch((error: unknown) => {
        onError('the check for cancelled runs failed; it is repeated', error);
      });
  }

  return {
    expireLeases,
    begin() {
      timers.every(() => thirdOfLease, renewLeases);
      // The jitter keeps workers that started together from checking at the same time.
      timers.every(() => Math.min(thirdOfLease, HEARTBEAT_MS) * (1 + Math.random()), expireLeases);
      timers.every(options.cancelPollMs, pollCancellations);
    },
  };
}
