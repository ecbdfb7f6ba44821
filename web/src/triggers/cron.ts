// Cron expressions for people: in words, their next times in a time zone, and the next change of the clocks there. The
// database and the worker decide which expressions are valid; this file previews them by the same options.
import { Cron } from 'croner';
import cronstrue from 'cronstrue';

/** "At 07:00, Monday through Friday", or undefined if the expression cannot be read. */
export function inWords(expression: string): string | undefined {
  try {
    return cronstrue.toString(expression, { use24HourTimeFormat: true });
  } catch {
    return undefined;
  }
}

const cronOf = (expression: string, timezone: string) =>
  new Cron(expression, {
    timezone,
    mode: '5-part',
    paused: true,
    sloppyRanges: true,
    fixedTimeRule: 'no-wildcard',
  });

/** The next times; undefined if the expression or the zone cannot be read. */
export function nextTimes(expression: string, timezone: string, count = 5): Date[] | undefined {
  try {
    return cronOf(expression, timezone).nextRuns(count);
  } catch {
    return undefined;
  }
}

/** The times from `from` to `to`, both included, at most `limit`. */
export function timesBetween(
  expression: string,
  timezone: string,
  range: { from: Date; to: Date },
  limit: number,
): Date[] {
  const cron = cronOf(expression, timezone);
  const times: Date[] = [];
  let at = cron.nextRun(new Date(range.from.getTime() - 1));
  while (at && at <= range.to && times.length < limit) {
    times.push(at);
    at = cron.nextRun(at);
  }
  return times;
}

/** A time in the zone of its schedule, with the offset: "Mon, Nov 30, 2026, 07:00 GMT+1". */
export function inZone(time: Date | string, timezone: string): string {
  return new Intl.DateTimeFormat(undefined, {
    weekday: 'short',
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone: timezone,
    timeZoneName: 'shortOffset',
  }).format(new Date(time));
}

const DAY = 86_400_000;

function offsetAt(time: number, timezone: string): string {
  const parts = new Intl.DateTimeFormat('en', {
    timeZone: timezone,
    timeZoneName: 'longOffset',
  }).formatToParts(time);
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
}

/** The day on which the clocks of the zone change next, within a year after `now`. */
export function nextClockChange(timezone: string, now = Date.now()): Date | undefined {
  const first = offsetAt(now, timezone);
  for (let day = 1; day <= 366; day += 1) {
    const time = now + day * DAY;
    if (offsetAt(time, timezone) !== first) return new Date(time);
  }
  return undefined;
}

/** The time zones that the browser knows, UTC first. */
export const timeZones = (): string[] => [
  'UTC',
  ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC'),
];
