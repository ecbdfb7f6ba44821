// docs/internals/web-map.md: each row of its tables has a page, a verdict and a test that `npm test` or
// `npm run test:long` executes, and the score is that of the verdicts.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../../scripts/stack/options.ts';
import { executedNightly, faultOf, type NamedTest } from './named-tests.ts';

const page = readFileSync(join(ROOT, 'docs', 'internals', 'web-map.md'), 'utf8');

interface Row {
  number: number;
  what: string;
  where: string;
  verdict: string;
  tests: NamedTest[];
}

/** The rows of the table below a heading: number, subject, place, verdict, and tests as `file`: name. */
function rowsOf(heading: string): Row[] {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  const [table = ''] = section.split('\n## ');
  return table.split('\n').flatMap((line) => {
    const cells = line.split(' | ').map((cell) => cell.replaceAll(/^\| | \|$/g, '').trim());
    const [number = '', what = '', where = '', verdict = '', proof = ''] = cells;
    if (!line.startsWith('| ') || !/^\d+$/.test(number)) return [];
    const tests = proof.split('<br>').flatMap((part) => {
      const [, file = '', name = ''] = /^`([^`]+)`: (.+)$/.exec(part.trim()) ?? [];
      return [{ file, name }];
    });
    return [{ number: Number(number), what, where, verdict, tests }];
  });
}

const TABLES = [
  { heading: 'Capabilities', size: 43 },
  { heading: 'Wishes', size: 20 },
  { heading: 'Bugs', size: 24 },
];
/** What a verdict is worth. */
const POINTS: Readonly<Record<string, number>> = { Y: 1, P: 0.5, N: 0 };

describe.each(TABLES)('$heading', ({ heading, size }) => {
  const rows = rowsOf(heading);

  test('has all rows, in order, without one twice', () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: size }, (_, n) => n + 1));
    expect(new Set(rows.map(({ what }) => what)).size).toBe(size);
  });

  test.each(rows)('$number $what', ({ what, where, verdict, tests }) => {
    expect([what, where].filter((text) => text === '')).toEqual([]);
    expect(Object.keys(POINTS)).toContain(verdict);
    expect(tests.length).toBeGreaterThan(0);
    expect(tests.flatMap((each) => faultOf(each) ?? [])).toEqual([]);
  });
});

test('the score is the sum of the verdicts', () => {
  const sum = rowsOf('Capabilities').reduce(
    (total, { verdict }) => total + (POINTS[verdict] ?? 0),
    0,
  );
  expect(page).toContain(`**${sum} of 43**`);
});

test('each row has a test of `npm test`', () => {
  const nightly = TABLES.flatMap(({ heading }) => rowsOf(heading)).filter(({ tests }) =>
    tests.every(({ file }) => executedNightly.has(file)),
  );
  expect(nightly.map(({ what }) => what)).toEqual([]);
});
