// The next time of a cron expression: across both daylight-saving changes, and if there is none.

import assert from 'node:assert/strict';
import { nextTime } from './schedules.ts';

function times(expression: string, timezone: string, from: string, count: number): string[] {
  const found: string[] = [];
  let at = new Date(from);
  for (let n = 0; n < count; n += 1) {
    const next = nextTime(expression, timezone, at);
    if (!next) break;
    assert.ok(next > at, `${next.toISOString()} is after ${at.toISOString()}`);
    found.push(next.toISOString().slice(0, 16));
    at = next;
  }
  return found;
}

const BERLIN = 'Europe/Berlin';

Deno.test('a time of day follows local time', () => {
  assert.deepEqual(times('0 7 * * *', BERLIN, '2026-03-28T00:00:00Z', 3), [
    '2026-03-28T06:00',
    '2026-03-29T05:00',
    '2026-03-30T05:00',
  ]);
});

Deno.test('a time in the skipped hour occurs once, at the jump', () => {
  assert.deepEqual(times('30 2 * * *', BERLIN, '2026-03-28T10:00:00Z', 2), [
    '2026-03-29T01:00',
    '2026-03-30T00:30',
  ]);
  assert.deepEqual(times('0,30 2,3 * * *', BERLIN, '2026-03-28T10:00:00Z', 3), [
    '2026-03-29T01:00',
    '2026-03-29T01:30',
    '2026-03-30T00:00',
  ]);
});

Deno.test('a time in the repeated hour occurs once, at its first occurrence', () => {
  assert.deepEqual(times('30 2 * * *', BERLIN, '2026-10-24T10:00:00Z', 2), [
    '2026-10-25T00:30',
    '2026-10-26T01:30',
  ]);
  // Between the two occurrences, the first one has passed.
  assert.deepEqual(times('30 2 * * *', BERLIN, '2026-10-25T00:45:00Z', 1), ['2026-10-26T01:30']);
});

Deno.test('an interval stays regular across both changes', () => {
  for (const day of ['2026-03-29', '2026-10-25']) {
    const found = times('*/20 * * * *', BERLIN, `${day}T00:00:00Z`, 9);
    assert.deepEqual(
      found.map((time) => (Date.parse(`${time}Z`) - Date.parse(`${day}T00:00Z`)) / 60_000),
      [20, 40, 60, 80, 100, 120, 140, 160, 180],
    );
  }
});

Deno.test('no day is missed or doubled in any time zone', () => {
  const zones = {
    'America/New_York': ['2026-03-08', '2026-11-01'],
    'Africa/Cairo': ['2026-04-24', '2026-10-30'],
    'Australia/Lord_Howe': ['2026-04-05', '2026-10-04'],
    'America/Santiago': ['2026-04-05', '2026-09-06'],
  };
  for (const [zone, days] of Object.entries(zones)) {
    const local = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short' });
    for (const day of days) {
      for (const expression of ['0 0 * * *', '30 0 * * *', '45 1 * * *', '15 2 * * *']) {
        const start = new Date(Date.parse(`${day}T12:00:00Z`) - 4 * 86_400_000).toISOString();
        const found = times(expression, zone, start, 7).map((time) =>
          Date.parse(local.format(new Date(`${time}Z`))),
        );
        const apart = found.slice(1).map((at, index) => (at - (found[index] ?? 0)) / 86_400_000);
        assert.deepEqual(apart, [1, 1, 1, 1, 1, 1], `${expression} in ${zone} around ${day}`);
      }
    }
  }
});

Deno.test('names, lists and steps are supported; with both day fields, either one may match', () => {
  assert.deepEqual(times('0 9 * * mon-fri', 'UTC', '2026-01-02T09:00:00Z', 1), [
    '2026-01-05T09:00',
  ]);
  assert.deepEqual(times('5/20 0 1 jan *', 'UTC', '2026-01-01T00:00:00Z', 3), [
    '2026-01-01T00:05',
    '2026-01-01T00:25',
    '2026-01-01T00:45',
  ]);
  assert.deepEqual(times('0 0 13 * 5', 'UTC', '2026-01-01T00:00:00Z', 4), [
    '2026-01-02T00:00',
    '2026-01-09T00:00',
    '2026-01-13T00:00',
    '2026-01-16T00:00',
  ]);
  assert.deepEqual(times('0 0 29 2 *', 'UTC', '2026-01-01T00:00:00Z', 1), ['2028-02-29T00:00']);
});

Deno.test('an expression without a future time has none; an invalid expression is an error', () => {
  assert.equal(nextTime('0 0 31 2 *', 'UTC', new Date()), undefined);
  assert.throws(() => nextTime('61 * * * *', 'UTC', new Date()));
  assert.throws(() => nextTime('* * * * * *', 'UTC', new Date()));
});
