// What a worker does now and then, whatever its steps do: it keeps the leases of its tokens, says that it
// is there, returns the tokens of workers that fell silent, and looks whether runs under way have ended.

import type { Engine, Heartbeat, Lease } from './engine/engine.ts';
import type { TokenQueue } from './engine/queue.ts';
import type { Timers } from './timers.ts';

export interface MaintenanceOptions {
  engine: Pick<Engine, 'endedRuns' | 'expireLeases'>;
  queue: Pick<TokenQueue, 'touch'>;
  timers: Timers;
  leaseSeconds: number;
  presence(): Heartbeat;
  /** How often to look whether the runs of steps under way have ended. */
  cancelPollMs(): number;
  /** The tokens that are held now. */
  held(): Lease[];
  /** The runs of the steps under way now. */
  runs(): string[];
  /** Tokens of others went back into the queue. */
  found(): void;
  ended(runId: string): void;
  onError(what: string, error: unknown): void;
}

export interface Maintenance {
  /** Says that it is there, and looks for tokens of workers that fell silent, at once. */
  expireLeases(): void;
  /** Goes on with all of it until the timers stop. */
  begin(): void;
}

/** A worker is heard of at least every twice this long; stepbase_engine.expire_workers knows. */
const HEARTBEAT_MS = 20_000;

export function createMaintenance(options: MaintenanceOptions): Maintenance {
  const { engine, timers } = options;
  const third = (options.leaseSeconds * 1000) / 3;

  function renewLeases(): void {
    const tokens = options.held();
    if (tokens.length === 0) return;
    options.queue.touch(tokens).catch((error: unknown) => options.onError('touch', error));
  }

  function expireLeases(): void {
    engine
      .expireLeases(options.leaseSeconds, options.presence())
      .then((count) => (count > 0 ? options.found() : undefined))
      .catch((error: unknown) => options.onError('expire', error));
  }

  /** Where nothing brings word of a cancellation, the runs of the steps under way are asked for. */
  function pollCancellations(): void {
    const runIds = options.runs();
    if (runIds.length === 0) return;
    engine
      .endedRuns(runIds)
      .then((ended) => {
        for (const runId of ended) options.ended(runId);
      })
      .catch((error: unknown) => options.onError('look at runs', error));
  }

  return {
    expireLeases,
    begin() {
      timers.every(() => third, renewLeases);
      // Some jitter keeps workers that started together from sweeping together.
      timers.every(() => Math.min(third, HEARTBEAT_MS) * (1 + Math.random()), expireLeases);
      timers.every(options.cancelPollMs, pollCancellations);
    },
  };
}
