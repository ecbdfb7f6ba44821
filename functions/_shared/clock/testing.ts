// For tests: a clock whose time changes only when the test advances it.

import type { Clock } from './clock.ts';

export interface HandClock extends Clock {
  /** Advances by this many milliseconds. Runs due actions in order, each with the promises that it settles. */
  advance(ms: number): Promise<void>;
  /** Milliseconds until each pending action is due, the soonest first. */
  readonly due: number[];
}

export function handClock(): HandClock {
  let now = 0;
  const alarms = new Set<{ at: number; action: () => void }>();
  const inOrder = () => [...alarms].sort((one, other) => one.at - other.at);
  return {
    now: () => now,
    epoch: () => Date.UTC(2026, 0, 1) + now,
    after(ms, action) {
      const alarm = { at: now + ms, action };
      alarms.add(alarm);
      return () => alarms.delete(alarm);
    },
    async advance(ms) {
      const until = now + ms;
      for (;;) {
        const [next] = inOrder();
        if (!next || next.at > until) break;
        now = Math.max(now, next.at);
        alarms.delete(next);
        next.action();
        await settled();
      }
      now = until;
    },
    get due() {
      return inOrder().map(({ at }) => at - now);
    },
  };
}

/** Resolves when all promises have settled that need neither a clock nor input and output. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
