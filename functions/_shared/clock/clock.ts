// The clock of a process. Code that reads the time or waits is given a clock, so that a test can move time
// by hand. It never decides when something is due in a run: the database's clock does (stepbase_engine.now()).

export interface Clock {
  /** Milliseconds that never go back; only differences have a meaning. */
  now(): number;
  /** Milliseconds since 1970, to compare with times that other systems set. */
  epoch(): number;
  /** Calls `action` once after `ms` milliseconds; the returned function cancels it. */
  after(ms: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  epoch: () => Date.now(),
  after(ms, action) {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms` milliseconds, or when `signal` is aborted. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = () => {
      cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    signal?.addEventListener('abort', end, { once: true });
  });
}
