// The budget of one invocation. The platform ends an Edge Function at a wall-clock and a CPU limit; before that, the
// worker starts no new steps, finishes those in flight and hands back the rest.
//
// Hosted functions cannot read their CPU time (_shared/clock/cpu.ts). There the budget counts steps,
// and the time for which synchronous work blocked the event loop.

import type { Clock } from '../_shared/clock/clock.ts';
import { cpuTime } from '../_shared/clock/cpu.ts';

export interface BudgetLimits {
  wallMs: number;
  cpuMs: number;
  /** Steps, where CPU time is not reported. */
  steps: number;
}

export type Limit = 'wall' | 'cpu' | 'steps';

export interface Budget {
  /** The worker starts no new steps. */
  readonly spent: boolean;
  /** The limit that was reached. */
  readonly spentBy: Limit | undefined;
  readonly wallLeftMs: number;
}

export interface BudgetSources {
  clock: Pick<Clock, 'now'>;
  /** How many steps this process has begun since it started. */
  steps(): number;
  /** CPU time of this process in milliseconds; undefined where the platform does not report it. */
  cpu?: () => number | undefined;
  /** For how long synchronous work has blocked the event loop since the process started, in milliseconds. */
  blocked?: () => number;
  /** How long the isolate existed before this invocation: the platform's wall-clock limit includes it. */
  ageMs?: number;
  /** Called once per process, when the CPU clock turns out to be blind. */
  onBlind?: () => void;
}

/** An invocation of an old isolate has at least this much of the wall-clock budget. */
const LEAST_WALL_MS = 30_000;
/** A CPU clock that does not advance while this many steps are executed is blind. */
const STEPS_TO_JUDGE = 10;

export const unlimited: Budget = {
  spent: false,
  spentBy: undefined,
  wallLeftMs: Number.POSITIVE_INFINITY,
};

const reported = new WeakSet<() => void>();

export function startBudget(limits: BudgetLimits, sources: BudgetSources): Budget {
  const { clock, cpu = cpuTime, blocked = () => 0, ageMs = 0, onBlind } = sources;
  const startedAt = clock.now();
  const wallMs = Math.max(limits.wallMs - ageMs, Math.min(limits.wallMs, LEAST_WALL_MS));
  const atStart = { cpu: cpu(), steps: sources.steps(), blocked: blocked() };
  // A process that has loaded this module has used CPU time: zero is not a measurement.
  let isBlind = !atStart.cpu;

  function reportBlind(): void {
    if (!onBlind || reported.has(onBlind)) return;
    reported.add(onBlind);
    onBlind();
  }

  function spentBy(): Limit | undefined {
    if (clock.now() - startedAt >= wallMs) return 'wall';
    const steps = sources.steps() - atStart.steps;
    const used = (cpu() ?? 0) - (atStart.cpu ?? 0);
    if (!isBlind && used === 0 && steps >= STEPS_TO_JUDGE) isBlind = true;
    if (!isBlind) return used >= limits.cpuMs ? 'cpu' : undefined;
    reportBlind();
    if (steps >= limits.steps) return 'steps';
    return blocked() - atStart.blocked >= limits.cpuMs ? 'cpu' : undefined;
  }

  return {
    get wallLeftMs() {
      return wallMs - (clock.now() - startedAt);
    },
    get spent() {
      return spentBy() !== undefined;
    },
    get spentBy() {
      return spentBy();
    },
  };
}

export interface BlockedTime {
  readonly ms: number;
  stop(): void;
}

/** Timers of an idle process are late by about a millisecond. Counted, they would use up the budget of a long wait. */
const TIMER_PRECISION_MS = 5;

/**
 * Measures synchronous work by a timer that is due every `everyMs`: what it is late by, the event loop was blocked.
 * Shorter slices do not show; the number of steps limits those.
 */
export function measureBlockedTime(clock: Pick<Clock, 'now' | 'after'>, everyMs = 10): BlockedTime {
  let ms = 0;
  let cancel = () => {};
  function arm(): void {
    const dueAt = clock.now() + everyMs;
    cancel = clock.after(everyMs, () => {
      const late = clock.now() - dueAt;
      if (late > TIMER_PRECISION_MS) ms += late;
      arm();
    });
  }
  arm();
  return {
    get ms() {
      return ms;
    },
    stop: () => cancel(),
  };
}
