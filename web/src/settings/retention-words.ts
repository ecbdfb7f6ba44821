// What a retention means today: from which time on rows are kept.
const DAY = 86_400_000;
const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** "Today, those before 1 Sep 2026 are deleted." Empty for a value that is no number of days. */
export function keptSince(days: number | string, now: number): string {
  const length = Number(days);
  if (days === '' || !Number.isFinite(length) || length <= 0) return '';
  const since = new Date(now - length * DAY);
  return `Those before ${length < 2 ? moment.format(since) : date.format(since)} are deleted.`;
}

/** "The operator allows 1 to 365." */
export const boundsInWords = (least: number | undefined, most: number | undefined): string =>
  most === undefined ? '' : `The operator allows ${least ?? 0} to ${most.toLocaleString()} days.`;
