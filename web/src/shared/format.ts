// Formats times, durations, numbers and names for display. Components that keep themselves current are in Times.tsx.
export function duration(ms: number | null): string {
  if (ms === null) return '–';
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1_000)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48
    ? `${hours} h ${minutes % 60} min`
    : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const clock = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const time = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto', style: 'short' });
const counts = new Intl.NumberFormat();

const LENGTHS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** A length for the axis of a chart, in one unit: "500 ms", "1.5 h". */
export function shortDuration(ms: number): string {
  const [unit, size] = LENGTHS.find(([, each]) => ms >= each) ?? ['ms', 1];
  return `${Number((ms / size).toFixed(1))} ${unit}`;
}

/** Steps between the marks of an axis that people read as whole: 15 min, 2 h. */
const STEPS = [
  ...[10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * 1_000),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60_000),
  ...[1, 2, 3, 6, 12].map((hours) => hours * 3_600_000),
];
const DAY = 86_400_000;

/** The marks of an axis that reaches the length `most`: four or fewer steps from 0. */
export function durationTicks(most: number): number[] {
  const step = STEPS.find((each) => most <= 4 * each) ?? Math.ceil(most / (4 * DAY)) * DAY;
  const last = Math.max(1, Math.ceil(most / step));
  return Array.from({ length: last + 1 }, (_, n) => n * step);
}

/** A time that cannot be read is a dash: the formats of the browser throw, and one value would end the whole page. */
const written = (format: Intl.DateTimeFormat, iso: string | null): string => {
  const at = new Date(iso ?? '');
  return Number.isNaN(at.getTime()) ? '–' : format.format(at);
};

export const dateTime = (iso: string | null): string => written(clock, iso);
export const timeOnly = (iso: string): string => written(time, iso);
export const count = (value: number): string => counts.format(value);
export const words = (name: string): string => name.replaceAll('_', ' ').replaceAll('.', ' ');

const UNITS = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** "5 min. ago", "in 2 days". */
export function relativeTime(iso: string, now: number): string {
  const seconds = Math.round((new Date(iso).getTime() - now) / 1_000);
  if (Number.isNaN(seconds)) return '–';
  const [unit, size] = UNITS.find(([, unitSize]) => Math.abs(seconds) >= unitSize) ?? ['second', 1];
  return relative.format(Math.trunc(seconds / size), unit);
}
