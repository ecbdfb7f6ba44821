// Cron expressions as the schedule form shows them: in words, with times in the zone across a change of the clocks.

import { expect, test } from 'vitest';
import { nextTime } from '../../functions/worker/schedules.ts';
import { inWords, nextClockChange, nextTimes, timesBetween } from '../../web/src/triggers/cron.ts';

test('an expression is put into words, and one that cannot be read is not', () => {
  expect(inWords('0 7 * * mon-fri')).toBe('At 07:00, Monday through Friday');
  expect(inWords('nonsense')).toBeUndefined();
  expect(nextTimes('nonsense', 'UTC')).toBeUndefined();
  expect(nextTimes('0 7 * * *', 'Nowhere/City')).toBeUndefined();
});

test('the preview has the times of the worker, across a change of the clocks', () => {
  const zone = 'Europe/Berlin';
  const from = new Date('2026-03-27T00:00:00Z');
  const to = new Date('2026-03-31T00:00:00Z');
  for (const expression of ['30 2 * * *', '*/45 1-3 * * *', '5/20 4 * * sun']) {
    const times: Date[] = [];
    let at = nextTime(expression, zone, new Date(from.getTime() - 1));
    while (at && at <= to) {
      times.push(at);
      at = nextTime(expression, zone, at);
    }
    expect(times.length).toBeGreaterThan(2);
    expect(timesBetween(expression, zone, { from, to }, 1_000)).toEqual(times);
    expect(timesBetween(expression, zone, { from, to }, 2)).toEqual(times.slice(0, 2));
  }
});

test('the next change of the clocks is found, and a zone without one has none', () => {
  const now = Date.parse('2026-11-30T12:00:00Z');
  expect(nextClockChange('Europe/Berlin', now)?.toISOString().slice(0, 10)).toBe('2027-03-28');
  expect(nextClockChange('UTC', now)).toBeUndefined();
});
