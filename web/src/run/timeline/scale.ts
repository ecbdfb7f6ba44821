// The time axis of a run. Times in which nothing was executed, because the run waited for a person, a signal or a
// delay, are folded to a mark of a fixed width, so that the work stays visible in a run of three days.
import { duration } from '../../shared/format.ts';
import type { RunStep } from '../../shared/use-run.ts';

export interface Bar {
  id: string;
  stepId: string;
  attempt: number;
  status: string;
  /** The bar is a wait: nothing is executed. */
  isWait: boolean;
  /** It undoes the step. */
  isUndo: boolean;
  /** Milliseconds since 1970. */
  start: number;
  end: number;
}

export interface Fold {
  start: number;
  end: number;
}

export interface Scale {
  start: number;
  end: number;
  folds: Fold[];
  /** The place of a time from 0 to 1. */
  at(time: number): number;
}

/** The part of the width that a folded time takes. */
const FOLD_WIDTH = 0.03;
/** Shorter idle times stay as they are. */
const SHORTEST_FOLD_MS = 2_000;

const ms = (iso: string) => new Date(iso).getTime();

/** Bars of the steps and their compensations; `now`: the end of open ones. */
export function barsOf(
  steps: readonly RunStep[],
  now: number,
  isWaiting: (step: RunStep) => boolean,
): Bar[] {
  return steps.flatMap((step) => {
    const { started_at, completed_at, item_index, status } = step;
    if (started_at === null || item_index > 0 || item_index < -1 || status === 'skipped') return [];
    const start = ms(started_at);
    const end = Math.max(start, completed_at === null ? now : ms(completed_at));
    const { id, step_id, attempt } = step;
    return [
      {
        id,
        stepId: step_id,
        attempt,
        status,
        isWait: isWaiting(step),
        isUndo: item_index === -1,
        start,
        end,
      },
    ];
  });
}

/** The times in which no bar of work is open. */
function idleTimes(bars: readonly Bar[], start: number, end: number): Fold[] {
  const work = bars.filter(({ isWait }) => !isWait).sort((a, b) => a.start - b.start);
  const idle: Fold[] = [];
  let busyUntil = start;
  for (const bar of work) {
    if (bar.start > busyUntil) idle.push({ start: busyUntil, end: bar.start });
    busyUntil = Math.max(busyUntil, bar.end);
  }
  if (end > busyUntil) idle.push({ start: busyUntil, end });
  return idle;
}

export function scaleOf(bars: readonly Bar[], start: number, end: number, isFolded = true): Scale {
  const last = Math.max(end, start + 1);
  const whole = last - start;
  const folds = isFolded
    ? idleTimes(bars, start, last).filter(
        (time) => time.end - time.start >= Math.max(SHORTEST_FOLD_MS, whole * 0.1),
      )
    : [];
  const folded = folds.reduce((sum, time) => sum + time.end - time.start, 0);
  const forFolds = Math.min(0.5, folds.length * FOLD_WIDTH);
  const shown = whole - folded;
  /** Per millisecond. A run that only waited has no work to give the width to. */
  const rate = shown > 0 ? (1 - forFolds) / shown : 0;
  const foldWidth = folds.length === 0 ? 0 : (shown > 0 ? forFolds : 1) / folds.length;
  return {
    start,
    end: last,
    folds,
    at(time) {
      const clamped = Math.min(Math.max(time, start), last);
      let place = (clamped - start) * rate;
      for (const one of folds) {
        if (clamped <= one.start) break;
        const inside = Math.min(clamped, one.end) - one.start;
        place += -inside * rate + (foldWidth * inside) / (one.end - one.start);
      }
      return Math.min(1, Math.max(0, place));
    },
  };
}

const STEPS_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000,
  1_800_000, 3_600_000, 21_600_000, 86_400_000, 604_800_000,
];

export interface Tick {
  /** Milliseconds since 1970. */
  time: number;
  label: string;
}

/** Round times for about `wanted` marks, without those inside of folded times, and each label once. */
export function ticks(scale: Scale, wanted = 5): Tick[] {
  const folded = scale.folds.reduce((sum, { start, end }) => sum + end - start, 0);
  const shown = scale.end - scale.start - folded;
  const step = STEPS_MS.find((each) => shown / each <= wanted) ?? shown / wanted;
  const found: Tick[] = [];
  let at = scale.start;
  for (let tried = 0; at <= scale.end && tried < 4 * wanted; ) {
    const inside = scale.folds.find(({ start, end }) => at > start && at < end);
    if (inside) {
      at = scale.start + Math.ceil((inside.end - scale.start) / step) * step;
      continue;
    }
    // After a long fold, steps of milliseconds follow each other within the same tenth of a second.
    const label = at === scale.start ? '0' : duration(at - scale.start);
    if (found.at(-1)?.label !== label) found.push({ time: at, label });
    tried += 1;
    at += step;
  }
  return found;
}
