// Schedules: the database returns those that need their times, croner computes them from the cron expression in
// the schedule's time zone, and the database starts the runs that are due. A backfill gets its times the same way.
// Daylight-saving changes: a fixed time that does not exist runs at the jump, and one that occurs twice runs
// once; a repeating time (with * or a step) keeps its rhythm in real time.

import { Cron } from 'croner';
import type { DueBackfill, DueSchedule, Engine, NextSchedule } from './engine/engine.ts';

/** How many times a schedule knows in advance. */
const PLANNED = 10;
/** How many missed times of a schedule one statement starts. */
const CATCHUP_SLICE = 20;
/** The database refuses more times of a backfill. */
const MAX_BACKFILL = 1000;

const cronOf = (expression: string, timezone: string): Cron =>
  new Cron(expression, {
    timezone,
    mode: '5-part',
    paused: true,
    // Accepts 5/20 for 5-59/20.
    sloppyRanges: true,
    fixedTimeRule: 'no-wildcard',
  });

/** The next time after `after`; undefined when there is none. */
export function nextTime(expression: string, timezone: string, after: Date): Date | undefined {
  return cronOf(expression, timezone).nextRun(after) ?? undefined;
}

/** The times after `after`, at most `limit`. */
function timesAfter(cron: Cron, after: Date, limit: number): Date[] {
  const times: Date[] = [];
  for (let at = cron.nextRun(after); at && times.length < limit; at = cron.nextRun(at)) {
    times.push(at);
  }
  return times;
}

interface Times {
  /** Those that are due. */
  times: Date[];
  next_times: Date[];
  /** The first of those that start no run of their own. */
  missed_from?: Date;
}

const justBefore = (time: Date) => new Date(time.getTime() - 1);

/** Without a catch-up window: one run for all times up to `past_at`. */
function mergedTimes(cron: Cron, past: Date, first: Date): Times {
  const [second] = timesAfter(cron, first, 1);
  return {
    times: [first],
    next_times: timesAfter(cron, past > first ? past : first, PLANNED),
    ...(second && second <= past ? { missed_from: second } : {}),
  };
}

/** One run for each time up to `past_at` that is not older than the catch-up window. */
function caughtUpTimes(cron: Cron, past: Date, from: Date, first: Date): Times {
  const isTooOld = first < from;
  const times = isTooOld ? [] : [first];
  let at = cron.nextRun(isTooOld ? justBefore(from) : first);
  while (at && at <= past && times.length < CATCHUP_SLICE) {
    times.push(at);
    at = cron.nextRun(at);
  }
  return {
    times,
    next_times: at ? [at, ...timesAfter(cron, at, PLANNED - 1)] : [],
    ...(isTooOld ? { missed_from: first } : {}),
  };
}

function timesOf(cron: Cron, due: DueSchedule): Times {
  const { asked_at, catchup_from, past_at, scheduled_at } = due;
  if (scheduled_at === null) return { times: [], next_times: timesAfter(cron, asked_at, PLANNED) };
  if (catchup_from === null) return mergedTimes(cron, past_at, scheduled_at);
  return caughtUpTimes(cron, past_at, catchup_from, scheduled_at);
}

/** The times that a due schedule starts now, and its next times. */
export function planSchedule(due: DueSchedule): NextSchedule {
  const { schedule_id, cron_expression, timezone, due_at } = due;
  const schedule = { schedule_id, cron_expression, timezone, due_at };
  try {
    const found = timesOf(cronOf(cron_expression, timezone), due);
    // A due schedule without a next time has had its last one.
    if (found.next_times.length > 0 || due_at !== null) return { ...schedule, ...found };
    return { ...schedule, problem: `${cron_expression} never occurs` };
  } catch (error) {
    return { ...schedule, problem: messageOf(error) };
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** The times of a backfill; one more than the database accepts if there are too many. */
export function backfillTimes(due: DueBackfill): { times: Date[] } | { problem: string } {
  try {
    const cron = cronOf(due.cron_expression, due.timezone);
    const times: Date[] = [];
    let at = cron.nextRun(justBefore(due.from_time));
    while (at && at <= due.to_time && times.length <= MAX_BACKFILL) {
      times.push(at);
      at = cron.nextRun(at);
    }
    return { times };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

export type ScheduleEngine = Pick<
  Engine,
  | 'dueSchedules'
  | 'fireSchedules'
  | 'startQueuedRuns'
  | 'dueBackfills'
  | 'planBackfill'
  | 'advanceBackfills'
>;

/** Starts the runs that are due, sets the next times of every schedule, and continues backfills. */
export async function runSchedules(engine: ScheduleEngine): Promise<void> {
  const due = await engine.dueSchedules();
  if (due.length > 0) await engine.fireSchedules(due.map(planSchedule));
  await engine.startQueuedRuns();
  const backfills = await engine.dueBackfills();
  for (const backfill of backfills) {
    if (!backfill.is_planned) {
      await engine.planBackfill(backfill.backfill_id, backfillTimes(backfill));
    }
  }
  if (backfills.length > 0) await engine.advanceBackfills();
}
