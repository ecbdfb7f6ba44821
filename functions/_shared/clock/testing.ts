// For tests: a clock that stands still until it is turned by hand.

import type { Clock } from './clock.ts';

export interface HandClock extends Clock {
  /** Goes on by so many milliseconds; what is due on the way happens in its order, each with what it leads to. */
  turn(ms: number): Promise<void>;
  /** In how many milliseconds something is due, the soonest first. */
  readonly due: number[];
}

export function handClock(): HandClock {
  let now = 0;
  const alarms = new Set<{ at: number; action: () => void }>();
  const inOrder = () => [...alarms].sort((one, other) => one.at - other.at);
  return {
    now: () => now,
    after(ms, action) {
      const alarm = { at: now + ms, action };
      alarms.add(alarm);
      return () => alarms.delete(alarm);
    },
    async turn(ms) {
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

/** Promises have gone on as far as they can without a clock, and without the world outside. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
