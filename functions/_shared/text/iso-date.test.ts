// ISO 8601 dates are read exactly; every other text is refused.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseIsoDate } from './iso-date.ts';

const read = (text: string) => parseIsoDate(text)?.toISOString();

Deno.test('a date with a time and an offset is read exactly', () => {
  fc.assert(
    fc.property(
      fc.date({
        min: new Date('0001-01-02T00:00:00Z'),
        max: new Date('9999-12-30T00:00:00Z'),
        noInvalidDate: true,
      }),
      fc.integer({ min: -15 * 60, max: 15 * 60 }),
      fc.constantFrom('', ':'),
      (date, minutes, colon) => {
        const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, -1);
        const size = Math.abs(minutes);
        const two = (part: number) => String(part).padStart(2, '0');
        const offset = `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${colon}${two(size % 60)}`;
        // A shift across the year 1 or 9999 has no four-digit year.
        fc.pre(/^\d{4}-/.test(local));
        assert.equal(read(`${local}${offset}`), date.toISOString());
      },
    ),
  );
});

Deno.test('a date without time is midnight, a time without offset is UTC', () => {
  assert.equal(read('2028-02-29'), '2028-02-29T00:00:00.000Z');
  assert.equal(read('2027-06-01T08:30'), '2027-06-01T08:30:00.000Z');
  assert.equal(read('2027-06-01 08:30:15.25'), '2027-06-01T08:30:15.250Z');
  assert.equal(read('0099-06-01T08:30:15Z'), '0099-06-01T08:30:15.000Z');
});

Deno.test('a day that the month does not have is refused', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9999 }),
      fc.integer({ min: 0, max: 14 }),
      fc.integer({ min: 0, max: 33 }),
      (year, month, day) => {
        const last = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
        const exists = month >= 1 && month <= 12 && day >= 1 && day <= last;
        const text = [
          String(year).padStart(4, '0'),
          ...[month, day].map((n) => String(n).padStart(2, '0')),
        ];
        assert.equal(parseIsoDate(text.join('-')) !== undefined, exists, text.join('-'));
      },
    ),
  );
});

Deno.test('other forms and impossible times are refused', () => {
  const refused = [
    '',
    '2.5',
    '5',
    '2027',
    '2027-1-5',
    '1 Jan 2027',
    '01/02/2027',
    'tomorrow',
    '20270101',
  ];
  refused.push(
    '2027-06-01T24:00:00Z',
    '2027-06-01T12:60Z',
    '2027-06-01T12:00:60Z',
    '2027-06-01T1:00Z',
  );
  refused.push(
    '2027-06-01T12:00+16:00',
    '2027-06-01T12:00+05:60',
    '2027-06-01T12:00 BST',
    ' 2027-06-01',
  );
  refused.push('2027-06-01T12:00Z ', '2027-06-01Z', '+012000-01-01', '0000-01-01', '2027-W05-1');
  refused.push('0001-01-01T00:00+01:00', '9999-12-31T23:59-01:00');
  for (const text of refused) assert.equal(read(text), undefined, text);
});
