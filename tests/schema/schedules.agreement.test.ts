// The database accepts exactly the schedules that the worker can run: its rules for cron expressions and time zones
// decide as croner does, which computes the times.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextTime } from '../../functions/worker/schedules.ts';
import { pool } from '../support/stack.ts';

const db = pool();
const NOW = new Date('2027-01-15T12:00:00Z');

async function problems(kind: 'cron' | 'time_zone', values: string[]): Promise<(string | null)[]> {
  const { rows } = await db.query<{ problem: string | null }>(
    `select stepbase_private.${kind}_problem(v.value) as problem
    from unnest($1::text[]) with ordinality v (value, place) order by v.place`,
    [values],
  );
  return rows.map(({ problem }) => problem);
}

const MONTHS = 'jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec';
const WEEKDAYS = 'sun|mon|tue|wed|thu|fri|sat';

/** Whether an expression uses what croner knows, but schedules do not have: L, W, #, ?, + and nicknames. */
function usesExtensions(expression: string): boolean {
  if (/[^A-Za-z0-9*/,\s-]/.test(expression)) return true;
  const fields = expression.trim().split(/\s+/);
  return (
    /[lw]/i.test(fields[2] ?? '') ||
    /l/i.test((fields[4] ?? '').replaceAll(new RegExp(WEEKDAYS, 'gi'), ''))
  );
}

function runs(expression: string, timezone = 'UTC'): boolean {
  try {
    return nextTime(expression, timezone, NOW) !== undefined;
  } catch {
    return false;
  }
}

async function compare(expressions: string[]): Promise<void> {
  const found = await problems('cron', expressions);
  for (const [index, expression] of expressions.entries()) {
    const accepted = found[index] === null;
    const expected = !usesExtensions(expression) && runs(expression);
    expect({ expression, accepted, problem: found[index] }).toEqual({
      expression,
      accepted: expected,
      problem: expected ? null : expect.any(String),
    });
  }
}

const number = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 12 }) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 70 }) },
  { weight: 1, arbitrary: fc.constantFrom('00', '007', '59', '1000000000000', '9999999999') },
);
const cased = (word: fc.Arbitrary<string>) =>
  fc.tuple(word, fc.boolean()).map(([text, upper]) => (upper ? text.toUpperCase() : text));
const word = cased(
  fc.oneof(
    fc.constantFrom(...MONTHS.split('|')),
    fc.constantFrom(...WEEKDAYS.split('|')),
    fc.constantFrom('foo', 'ja', 'monday', 'january', 'x', 'l', 'w', '1mon', 'mon1'),
  ),
);
const value = fc.oneof({ weight: 6, arbitrary: number }, { weight: 1, arbitrary: word });
const item = fc.oneof(
  { weight: 4, arbitrary: value.map(String) },
  { weight: 2, arbitrary: fc.constant('*') },
  { weight: 2, arbitrary: fc.tuple(value, value).map(([a, b]) => `${a}-${b}`) },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom('*', ''), number).map(([a, b]) => `${a}/${b}`) },
  { weight: 2, arbitrary: fc.tuple(value, number).map(([a, b]) => `${a}/${b}`) },
  { weight: 2, arbitrary: fc.tuple(value, value, number).map(([a, b, c]) => `${a}-${b}/${c}`) },
  { weight: 1, arbitrary: fc.constantFrom('', '-', '/', '1-', '-5', '*-5', '*/*', '1-2-3', '**') },
);
const field = fc.oneof(
  { weight: 4, arbitrary: fc.constant('*') },
  { weight: 4, arbitrary: item },
  { weight: 2, arbitrary: fc.array(item, { minLength: 1, maxLength: 3 }).map((l) => l.join(',')) },
);
/** Fields whose numbers are mostly in range, so that most expressions differ in one respect only. */
const ranges: [number, number][] = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
];
const nearlyValid = fc.tuple(
  ...ranges.map(([min, max]) => {
    const inside = fc.integer({ min, max }).map(String);
    return fc.oneof(
      { weight: 3, arbitrary: fc.constant('*') },
      { weight: 6, arbitrary: inside },
      { weight: 2, arbitrary: fc.tuple(inside, inside).map(([a, b]) => `${a}-${b}`) },
      { weight: 1, arbitrary: field },
    );
  }),
);
const blank = fc.constantFrom(' ', '  ', '\t', '\n', '\u00a0', '\u3000');
const expression = fc.oneof(
  { weight: 4, arbitrary: nearlyValid.map((fields) => fields.join(' ')) },
  {
    weight: 2,
    arbitrary: fc.tuple(field, field, field, field, field).map((fields) => fields.join(' ')),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.array(field, { minLength: 3, maxLength: 7 }), blank, fc.constantFrom('', ' ', '\n'))
      .map(([fields, between, around]) => `${around}${fields.join(between)}${around}`),
  },
  { weight: 1, arbitrary: fc.stringMatching(/^[ -~]{0,20}$/) },
);

test('SQL accepts exactly the cron expressions that the worker can run', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(expression, { minLength: 50, maxLength: 100 }), compare),
    { numRuns: 25 },
  );
});

test('each day of each month is accepted if a year has it', async () => {
  const days: string[] = [];
  for (let month = 1; month <= 12; month += 1) {
    for (let day = 28; day <= 32; day += 1) {
      for (const weekday of ['*', '1', '7/2']) days.push(`0 0 ${day} ${month} ${weekday}`);
    }
  }
  await compare([...days, '0 0 30 2,4 *', '0 0 30,31 2 *', '0 0 31 4,6,9,11 *', '0 0 29-31 2 *']);
});

test('items whose steps leave their field without a number are refused', async () => {
  await compare(['60/5,3 * * * *', '* 24/2 * * *', '* * 32/5 * *', '* * 32/5 * 1']);
  await compare([
    '* * * 13/2 *',
    '* * * * 7/2',
    '* * 4 * 7/2',
    '50-62/20 * * * *',
    '0-99/70 * * * *',
  ]);
});

test('the reason says what is wrong', async () => {
  const cases: [string, string][] = [
    ['0 24 * * *', 'the hour has 24, which is not in 0-23'],
    ['5-70 * * * *', 'the minute has the range 5-70, which is not in 0-59'],
    ['0 8 * * fri-tue', 'the weekday has the range 5-2, which runs backwards'],
    ['0 0 1 foo *', "the month has an unknown name in 'foo'"],
    ['0 0 31 6 *', 'the day never occurs in these months'],
    ['* * * *', 'it has 4 fields instead of five: minute, hour, day, month, weekday'],
    ['0 0 L * *', 'L and W (last day, nearest weekday) are not supported'],
    ['0 0 * * 5L', 'L and W (last day, nearest weekday) are not supported'],
    ['@hourly', '(no ?, #, + or @daily)'],
    ['*/0 * * * *', 'the minute has the step 0, which is not in 1-60'],
  ];
  const found = await problems(
    'cron',
    cases.map(([text]) => text),
  );
  for (const [index, [text, reason]] of cases.entries()) {
    expect(found[index], text).toContain(reason);
  }
});

test('every time zone of the database is one of the worker, in any case', async () => {
  const { rows } = await db.query<{ name: string }>(
    'select unnest(stepbase_private.time_zone_names()) as name',
  );
  const names = rows.map(({ name }) => name);
  expect(names.length).toBeGreaterThan(500);
  expect(names.filter((name) => !runs('0 12 * * *', name))).toEqual([]);
  const spelled = names.map((name) => name.toLowerCase());
  expect(spelled.filter((name) => !runs('0 12 * * *', name))).toEqual([]);
  expect(new Set(await problems('time_zone', spelled))).toEqual(new Set([null]));
});

test('every time zone that the worker lists is one of the database', async () => {
  const names = Intl.supportedValuesOf('timeZone').filter((name) => name.includes('/'));
  const found = await problems('time_zone', names);
  expect(names.filter((_, index) => found[index] !== null)).toEqual([]);
});

test('abbreviations, offsets and unknown names are refused', async () => {
  const abbreviations = ['BST', 'bst', 'IST', 'EST', 'CST6CDT', 'PST', 'CET', 'AEST', 'MST7MDT'];
  for (const problem of await problems('time_zone', abbreviations)) {
    expect(problem).toContain('is an abbreviation; use the IANA name of a place');
  }
  const others = [
    '',
    ' ',
    'Mars/Base',
    '+02:00',
    'UTC+2',
    'Europe/Berlin+3',
    'posix/Europe/Berlin',
  ];
  for (const problem of await problems('time_zone', [...others, 'Europe/Berlin ', 'localtime'])) {
    expect(problem).toContain('is not an IANA name');
  }
});
