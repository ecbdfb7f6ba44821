// When schedules are due: the database says which ones need their next time, croner computes it from
// the cron expression in the schedule's time zone, and the database starts what is due.
// Across a change of the clock: a fixed time that does not exist runs when the clock has jumped, one
// that comes twice runs once; what repeats (with a * or a step) keeps its rhythm in real time.

import { Cron } from 'croner';
import type { DueSchedule, Engine, ScheduleAnswer } from './engine/engine.ts';

/** The next time after `after`, or undefined when the expression names none. */
export function nextTime(expression: string, timezone: string, after: Date): Date | undefined {
  const cron = new Cron(expression, {
    timezone,
    mode: '5-part',
    paused: true,
    // 5/20 is what people write for 5-59/20.
    sloppyRanges: true,
    fixedTimeRule: 'no-wildcard',
  });
  return cron.nextRun(after) ?? undefined;
}

function answer(due: DueSchedule): ScheduleAnswer {
  const { asked_at, ...question } = due;
  try {
    const next = nextTime(due.cron_expression, due.timezone, asked_at);
    if (next) return { ...question, next_at: next.toISOString() };
    // Fired for the last time, or never to be.
    if (due.due_at !== null) return question;
    return { ...question, problem: `${due.cron_expression} names no time that ever comes` };
  } catch (error) {
    return { ...question, problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Starts what is due and gives every schedule its next time. */
export async function runSchedules(engine: Engine): Promise<void> {
  const due = await engine.dueSchedules();
  if (due.length > 0) await engine.fireSchedules(due.map(answer));
}
