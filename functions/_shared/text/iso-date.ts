// Dates as text: ISO 8601, and only days that exist. Date.parse is no check: it reads 30 February as 2 March, "2.5" as
// 5 February, and a time without an offset in the zone of the machine.

const ISO_DATE =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?([Zz]|[+-]\d{2}(?::?\d{2})?)?)?$/;

/** Minutes east of UTC; undefined for an offset that no clock has. */
function offsetMinutes(offset: string | undefined): number | undefined {
  if (offset === undefined || /^z$/i.test(offset)) return 0;
  const [hours, minutes] = [Number(offset.slice(1, 3)), Number(offset.slice(3).replace(':', ''))];
  if (hours > 15 || minutes > 59) return;
  return (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

/**
 * The time of a calendar date with an optional time of day and offset, in the years 1 to 9999. Without an offset the
 * time is UTC. Undefined if the text has another form or names a time that does not exist.
 */
export function parseIsoDate(text: string): Date | undefined {
  const match = ISO_DATE.exec(text);
  if (!match) return;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const offset = offsetMinutes(match[8]);
  if (offset === undefined || year < 1 || hour > 23 || minute > 59 || second > 59) return;
  const date = new Date(0);
  // The constructor would read the years 0 to 99 as 1900 to 1999.
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return;
  date.setUTCHours(
    hour,
    minute - offset,
    second,
    Number((match[7] ?? '').padEnd(3, '0').slice(0, 3)),
  );
  return date.getUTCFullYear() >= 1 && date.getUTCFullYear() <= 9999 ? date : undefined;
}
