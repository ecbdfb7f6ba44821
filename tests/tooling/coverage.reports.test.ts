// Coverage of several tools becomes one: the lines that count come from one of them, the counts from all.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readBrowserProfiles } from '../../scripts/coverage/browser-profiles.ts';
import { readLcov, writeLcov } from '../../scripts/coverage/lcov.ts';
import { type Coverage, mergeCoverage } from '../../scripts/coverage/lines.ts';
import { readNodeProfiles } from '../../scripts/coverage/node-profiles.ts';
import { sourceOf } from '../../scripts/coverage/report.ts';
import { mappingsOf } from '../../scripts/coverage/source-map.ts';
import { printedSummary, summarize } from '../../scripts/coverage/summary.ts';
import { countsAt, type V8Range } from '../../scripts/coverage/v8.ts';
import { vitestCoverage } from '../../scripts/coverage/vitest.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stepbase-coverage-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const lines = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.nat(5)), { maxLength: 10 })
  .map((entries) => new Map(entries));
const coverage: fc.Arbitrary<Coverage> = fc
  .array(fc.tuple(fc.constantFrom('functions/a.ts', 'scripts/b.ts', 'web/src/c.tsx'), lines))
  .map((entries) => new Map(entries));
const plain = (value: Coverage) =>
  Object.fromEntries([...value].map(([path, hits]) => [path, Object.fromEntries(hits)]));

describe('merging', () => {
  test('keeps the lines of the base and adds the counts of all reports, in any order', () => {
    fc.assert(
      fc.property(coverage, fc.array(coverage, { maxLength: 4 }), (base, reports) => {
        const merged = mergeCoverage(base, reports);
        expect(plain(merged)).toEqual(plain(mergeCoverage(base, reports.toReversed())));
        expect([...merged.keys()]).toEqual([...base.keys()]);
        for (const [path, hits] of merged) {
          expect([...hits.keys()]).toEqual([...(base.get(path)?.keys() ?? [])]);
          for (const [line, count] of hits) {
            const counts = [base, ...reports].map((one) => one.get(path)?.get(line) ?? 0);
            expect(count).toBe(counts.reduce((sum, one) => sum + one, 0));
          }
        }
      }),
    );
  });

  test('a file that no test loads counts with all its lines', () => {
    const base = new Map([['scripts/unloaded.ts', new Map([1, 2, 3].map((line) => [line, 0]))]]);
    const { total, least } = summarize(mergeCoverage(base, [new Map()]), () => 'scripts');
    expect(total).toEqual({ area: 'total', files: 1, lines: 3, covered: 0, percent: 0 });
    expect(least.map(({ area }) => area)).toEqual(['scripts/unloaded.ts']);
  });

  test('without any line the coverage is 0 %, not 100 %', () => {
    expect(summarize(new Map(), () => '').total.percent).toBe(0);
  });
});

test('a written report is read again', () => {
  fc.assert(
    fc.property(coverage, (report) => {
      expect(plain(readLcov(writeLcov(report), (path) => path))).toEqual(plain(report));
    }),
  );
});

test('reads the records of a report and drops files that are no sources', () => {
  const text = [
    ...['TN:', 'SF:functions/api/app.ts', 'FN:1,a', 'DA:1,3', 'DA:2,0', 'end_of_record'],
    ...['SF:/elsewhere/x.ts', 'DA:1,1', 'end_of_record'],
    ...['SF:functions/api/app.test.ts', 'DA:1,1', 'end_of_record'],
    ...['SF:scripts/y.ts', 'DA:7,1,checksum', 'end_of_record'],
  ].join('\n');
  expect(plain(readLcov(text, sourceOf))).toEqual({
    'functions/api/app.ts': { 1: 3, 2: 0 },
    'scripts/y.ts': { 7: 1 },
  });
});

/** Ranges of functions and blocks as V8 gives them: each lies within another one or beside it. */
function nested(from: number, to: number, depth: number): fc.Arbitrary<V8Range[]> {
  if (depth === 0 || to - from < 4) return fc.constant([]);
  return fc
    .tuple(fc.integer({ min: from, max: to - 2 }), fc.nat(3))
    .chain(([start, count]) =>
      fc
        .integer({ min: start + 1, max: to })
        .chain((end) =>
          fc
            .tuple(nested(start + 1, end - 1, depth - 1), nested(end, to, depth - 1))
            .map(([inner, beside]) => [
              { startOffset: start, endOffset: end, count },
              ...inner,
              ...beside,
            ]),
        ),
    );
}

test('an offset has the count of the innermost range', () => {
  fc.assert(
    fc.property(nested(0, 60, 4), (ranges) => {
      const offsets = Array.from({ length: 62 }, (_, offset) => offset);
      const expected = offsets.map((offset) => {
        const around = ranges
          .filter(({ startOffset, endOffset }) => startOffset <= offset && offset < endOffset)
          .sort((a, b) => a.endOffset - a.startOffset - (b.endOffset - b.startOffset));
        return around[0]?.count ?? 0;
      });
      const functions = ranges.toReversed().map((range) => ({ ranges: [range] }));
      expect(countsAt({ functions }, offsets)).toEqual(expected);
    }),
  );
});

test('a profile of Node counts the lines of the source', async () => {
  const source = join(folder, 'source.ts');
  const code = ['const a: number = 1;', '', 'if (a > 1) {', '  never();', '}', ''].join('\n');
  await writeFile(source, code);
  const whole = { startOffset: 0, endOffset: code.length, count: 2 };
  const block = { startOffset: code.indexOf('{'), endOffset: code.indexOf('}') + 1, count: 0 };
  const profile = join(folder, 'profile.json');
  const functions = [{ ranges: [whole, block] }];
  const result = [
    { url: pathToFileURL(source).href, functions },
    { url: 'node:fs', functions },
  ];
  await writeFile(profile, JSON.stringify({ result }));
  const read = await readNodeProfiles([profile, profile], (path) =>
    path === source ? 'source.ts' : undefined,
  );
  expect(plain(read)).toEqual({ 'source.ts': { 1: 4, 3: 4, 4: 0, 5: 0 } });
});

test('a source map gives the place of each piece of code', () => {
  const map = { sources: ['a.ts', 'b.ts'], mappings: 'AAAA,IAAI;ACCJ,SADA' };
  expect([...mappingsOf(map)]).toEqual([
    { generatedLine: 0, generatedColumn: 0, source: 'a.ts', line: 1, column: 0 },
    { generatedLine: 0, generatedColumn: 4, source: 'a.ts', line: 1, column: 4 },
    { generatedLine: 1, generatedColumn: 0, source: 'b.ts', line: 2, column: 0 },
    { generatedLine: 1, generatedColumn: 9, source: 'b.ts', line: 1, column: 0 },
  ]);
});

test('a profile of a bundle counts the lines of its sources', async () => {
  const map = { sources: ['../web/src/a.ts', '../other.ts'], mappings: 'AAAA,IACA;ACAA' };
  const encoded = Buffer.from(JSON.stringify(map)).toString('base64');
  const source = `a();b();\nc();\n//# sourceMappingURL=data:application/json;charset=utf-8;base64,${encoded}`;
  const functions = [
    {
      ranges: [
        { startOffset: 0, endOffset: 9, count: 3 },
        { startOffset: 4, endOffset: 8, count: 0 },
      ],
    },
  ];
  const profile = join(folder, 'page.json');
  await writeFile(profile, JSON.stringify([{ url: 'http://x/a.js', functions, source }]));
  const read = await readBrowserProfiles([profile], (path) =>
    path.includes('web/src/') ? 'web/src/a.ts' : undefined,
  );
  expect(plain(read)).toEqual({ 'web/src/a.ts': { 1: 3, 2: 0 } });
});

test('the summary is a table by area, with the files that miss most', () => {
  const files: Coverage = new Map([
    [
      'functions/api/a.ts',
      new Map([
        [1, 1],
        [2, 0],
      ]),
    ],
    ['web/src/b.tsx', new Map([[1, 5]])],
  ]);
  const text = printedSummary(summarize(files, (path) => path.split('/')[0] ?? ''));
  expect(text.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual([
    ['area', 'files', 'lines', 'executed', '%'],
    ['functions', '1', '2', '1', '50.0'],
    ['web', '1', '1', '1', '100.0'],
    ['total', '2', '3', '2', '66.7'],
    [''],
    ['most lines without a test', 'files', 'lines', 'executed', '%'],
    ['functions/api/a.ts', '1', '2', '1', '50.0'],
  ]);
});

test('Vitest measures only under npm run coverage', () => {
  expect(vitestCoverage(undefined, 'engine')).toEqual({ args: [], env: {} });
});
