// Times as the pages show them. A value that is not a time must not end the page that shows it.

import { expect, test } from 'vitest';
import { dateTime, relativeTime, shortDuration, timeOnly } from '../../web/src/shared/format.ts';

const NOW = Date.parse('2026-11-30T10:00:30Z');

test('a time is written in full, as its clock time, and by its distance', () => {
  const at = '2026-11-30T09:55:00Z';
  expect(dateTime(at)).toContain('2026');
  expect(timeOnly(at)).toMatch(/\d{1,2}:55:00/);
  expect(relativeTime(at, NOW)).toMatch(/5 min/);
});

test.each([undefined, '', 'soon', 'infinity'])('%s is a dash', (value) => {
  const at = value as string;
  expect([dateTime(at), timeOnly(at), relativeTime(at, NOW)]).toEqual(['–', '–', '–']);
});

test('the axis of a chart has lengths in one unit', () => {
  expect([0, 250, 1_500, 900_000, 3_600_000, 90_000_000].map(shortDuration)).toEqual([
    '0 ms',
    '250 ms',
    '1.5 s',
    '15 min',
    '1 h',
    '1 d',
  ]);
});
