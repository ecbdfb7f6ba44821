// Schedules: the database returns those that need their next time, croner computes it from the cron expression in
// the schedule's time zone, and the database starts the runs that are due.
// Daylight-saving changes: a fixed time that does not exist runs at the jump, and one that occurs twice runs
// once; a repeating time (with * or a step) keeps its rhythm in real time.

import { Cron } from 'croner';
import type { DueSchedule, Engine, NextSchedule } from './engine/engine.ts';

/** The next time after `after`; undefined when there is none. */
export function nextTime(expression: string, timezone: string, after: Date): Date | undefined {
  const cron = new Cron(expression, {
    timezone,
    mode: '5-part',
    paused: true,
    // Accepts 5/20 for 5-59/20.
    sloppyRanges: true,
    fixedTimeRule: 'no-wildcard',
  });
  return cron.nextRun(after) ?? undefined;
}

function nextOf(due: DueSchedule): NextSchedule {
  const { asked_at, ...schedule } = due;
  try {
    const next = nextTime(due.cron_expression, due.timezone, asked_at);
    if (next) return { ...schedule, next_at: next.toISOString() };
    // This was the last time.
    if (due.due_at !== null) return schedule;
    return { ...schedule, problem: `${due.cron_expression} never occurs` };
  } catch (error) {
    return { ...schedule, problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Starts the runs that are due and sets the next time of every schedule. */
export async function runSchedules(
  engine: Pick<Engine, 'dueSchedules' | 'fireSchedules'>,
): Promise<void> {
  const due = await engine.dueSchedules();
  if (due.length > 0) await engine.fireSchedules(due.map(nextOf));
}
