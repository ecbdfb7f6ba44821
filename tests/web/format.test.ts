// Times as the pages show them. A value that is not a time must not end the page that shows it.

import { expect, test } from 'vitest';
import {
  dateTime,
  durationTicks,
  relativeTime,
  shortDuration,
  timeOnly,
} from '../../web/src/shared/format.ts';

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

test('the marks of an axis of durations are whole units, from nothing to above the longest', () => {
  const marks = [0, 40, 1_700, 61_000, 3_408_000, 7_200_000, 400_000_000].map((most) =>
    durationTicks(most).map(shortDuration).slice(1),
  );
  expect(marks).toEqual([
    ['10 ms'],
    ['10 ms', '20 ms', '30 ms', '40 ms'],
    ['500 ms', '1 s', '1.5 s', '2 s'],
    ['30 s', '1 min', '1.5 min'],
    ['15 min', '30 min', '45 min', '1 h'],
    ['30 min', '1 h', '1.5 h', '2 h'],
    ['2 d', '4 d', '6 d'],
  ]);
});
