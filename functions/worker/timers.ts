// The timers of a worker: they run while it takes work, and none is left when it has stopped.

import type { Clock } from '../_shared/clock/clock.ts';

export interface Timers {
  start(): void;
  /** Calls off everything; nothing can be set until the next start. */
  stop(): void;
  /** Once, so many milliseconds later; what it returns calls that off. */
  later(ms: number, action: () => void): () => void;
  /** Again and again; how long until the next time is asked each time. */
  every(ms: () => number, action: () => void): void;
}

export function createTimers(clock: Clock): Timers {
  const set = new Set<() => void>();
  let runs = false;

  function later(ms: number, action: () => void): () => void {
    if (!runs) return () => undefined;
    const callOff = clock.after(ms, () => {
      set.delete(callOff);
      action();
    });
    set.add(callOff);
    return () => {
      set.delete(callOff);
      callOff();
    };
  }

  return {
    later,
    start() {
      runs = true;
    },
    stop() {
      runs = false;
      for (const callOff of set) callOff();
      set.clear();
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
