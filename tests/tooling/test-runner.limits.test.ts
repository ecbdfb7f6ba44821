// The time limits of `npm test` grow with the machine, within bounds. Its parts cover every test file, the longest first.

import { globSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  MAX_FACTOR,
  type Machine,
  measureMachine,
  timeFactor,
} from '../../scripts/test/machine.ts';
import { byLength, LONGEST } from '../../scripts/test/order.ts';
import { integrationSuites } from '../../scripts/test/parts.ts';

const REFERENCE: Machine = { cpuMs: 70, forkMs: 60, cores: 2, load: 0 };

test.each<[string, Partial<Machine>, number]>([
  ['the reference machine', {}, 1],
  ['a faster machine', { cpuMs: 20, forkMs: 10, cores: 16 }, 1],
  ['half the CPU speed', { cpuMs: 140 }, 2],
  ['slow process starts', { forkMs: 180 }, 3],
  ['one core', { cores: 1 }, 2],
  ['three busy processes on each core', { load: 6 }, 3],
  ['many busy processes on many cores', { cores: 64, load: 64 }, 1],
  ['a machine that is far too slow', { cpuMs: 70_000 }, MAX_FACTOR],
  ['a measurement that failed', { cpuMs: Number.NaN }, MAX_FACTOR],
])('the factor is right for %s', (_name, machine, factor) => {
  expect(timeFactor({ ...REFERENCE, ...machine })).toBe(factor);
});

test('the measurement is short and gives a factor within the bounds', () => {
  const started = performance.now();
  const factor = timeFactor(measureMachine());
  expect(performance.now() - started).toBeLessThan(20_000);
  expect(factor).toBeGreaterThanOrEqual(1);
  expect(factor).toBeLessThanOrEqual(MAX_FACTOR);
});

test('the longest files are first, and every one of them exists', () => {
  expect(globSync(LONGEST).sort()).toEqual([...LONGEST].sort());
  const others = ['tests/web/settings.test.ts', 'tests/api/metrics.read.test.ts'];
  expect([...others, ...LONGEST.toReversed()].sort(byLength)).toEqual([...LONGEST, ...others]);
});

test('each integration test file is in exactly one part', () => {
  const files = globSync('tests/**/*.test.ts').filter(
    (file) => !/^tests\/(browser|long)\//.test(file),
  );
  const paths = integrationSuites().map((suite) => suite.paths ?? []);
  for (const file of files) {
    const parts = paths.filter((folders) => folders.some((folder) => file.startsWith(folder)));
    expect(parts, file).toHaveLength(1);
  }
});
