// The timers of a worker: they run while the worker runs; none is left when it has stopped.

import type { Clock } from '../_shared/clock/clock.ts';

export interface Timers {
  start(): void;
  /** Cancels all timers; no timer can be set until the next start. */
  stop(): void;
  /** Calls `action` once after `ms` milliseconds; the returned function cancels it. */
  later(ms: number, action: () => void): () => void;
  /** Calls `action` repeatedly; `ms` gives each interval. */
  every(ms: () => number, action: () => void): void;
}

export function createTimers(clock: Clock): Timers {
  const pending = new Set<() => void>();
  let isStarted = false;

  function later(ms: number, action: () => void): () => void {
    if (!isStarted) return () => undefined;
    const cancel = clock.after(ms, () => {
      pending.delete(cancel);
      action();
    });
    pending.add(cancel);
    return () => {
      pending.delete(cancel);
      cancel();
    };
  }

  return {
    later,
    start() {
      isStarted = true;
    },
    stop() {
      isStarted = false;
      for (const cancel of pending) cancel();
      pending.clear();
    },
    every(ms, action) {
      const again = () => {
        later(ms(), () => {
          action();
          again();
        });
      };
      again();
    },
  };
}
