// Time as the worker sees it. Whoever reads it, or waits by it, is given a clock: tests give one that they turn
// by hand. When something is due in a run is decided by the database's clock (stepbase_engine.now()), never by this one.

export interface Clock {
  /** Milliseconds that never go back; only their differences mean anything. */
  now(): number;
  /** Does something once, so many milliseconds later; what it returns calls that off. */
  after(ms: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, action) {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
};

export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}
