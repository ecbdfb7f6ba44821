// The budget of one invocation. The platform ends an Edge Function at a wall-clock and a CPU limit; before that, the
// worker starts no new steps, finishes those in flight and hands back the rest.

import process from 'node:process';
import type { Clock } from '../_shared/clock/clock.ts';

export interface BudgetLimits {
  wallMs: number;
  cpuMs: number;
}

export interface Budget {
  /** The worker starts no new steps. */
  readonly spent: boolean;
  /** The limit that was reached. */
  readonly spentBy: 'wall' | 'cpu' | undefined;
  readonly wallLeftMs: number;
}

/** CPU time of this process in milliseconds; undefined where the platform does not report it. */
function cpuTime(): number | undefined {
  try {
    const usage = process.cpuUsage();
    return (usage.user + usage.system) / 1000;
  } catch {
    return undefined;
  }
}

export const unlimited: Budget = {
  spent: false,
  spentBy: undefined,
  wallLeftMs: Number.POSITIVE_INFINITY,
};

export function startBudget(
  limits: BudgetLimits,
  clock: Pick<Clock, 'now'>,
  cpu: () => number | undefined = cpuTime,
): Budget {
  const startedAt = clock.now();
  const cpuAtStart = cpu();
  const spentBy = () => {
    if (clock.now() - startedAt >= limits.wallMs) return 'wall';
    const used = cpu();
    if (used === undefined || cpuAtStart === undefined) return undefined;
    return used - cpuAtStart >= limits.cpuMs ? 'cpu' : undefined;
  };
  return {
    get wallLeftMs() {
      return limits.wallMs - (clock.now() - startedAt);
    },
    get spent() {
      return spentBy() !== undefined;
    },
    get spentBy() {
      return spentBy();
    },
  };
}
