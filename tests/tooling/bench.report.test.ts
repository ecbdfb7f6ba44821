// The tables of the benchmark: targets beside the ratios of the same measurement, and the costs per step.

import { expect, it } from 'vitest';
import { figuresOf } from '../../scripts/bench/figures.ts';
import { costLines, lines, markdown } from '../../scripts/bench/report.ts';
import { FULL } from '../../scripts/bench/sizes.ts';

function measured(values: Record<string, number[]>) {
  return { figures: figuresOf(new Map(Object.entries(values))), rounds: values };
}

function targetOf(values: Record<string, number[]>, work: string): string | undefined {
  return lines(measured(values), FULL).find(
    (line) => line.work.includes(work) && line.system === 'Stepbase',
  )?.target;
}

const COSTS = {
  'wal_bytes_per_step.noop.stepbase': [2_400, 1_400, 1_300],
  'wal_image_bytes_per_step.noop.stepbase': [12],
  'rows_per_step.noop.stepbase': [3.8],
  'index_entries_per_step.noop.stepbase': [9],
  'disk_bytes_per_step.noop.stepbase': [880],
};

it('the first row is compared with DBOS and with the limit, by medians', () => {
  const values = {
    'steps_per_s.stepbase': [9_000, 10_000, 50_000],
    'steps_per_s.dbos': [1_000, 2_000, 2_000],
    'steps_per_s.limit': [12_500],
  };
  expect(targetOf(values, '10 steps, 100')).toBe(
    '≥ 5 × DBOS, is 5.00 ×; ≥ 0.6 × the limit, is 0.80 ×',
  );
});

it('a contender that was not measured leaves only the target', () => {
  const values = {
    'calling_steps_per_s.stepbase': [3_000],
    'calling_steps_per_s.openworkflow': [1_500],
  };
  expect(targetOf(values, '10 HTTP steps, 100')).toBe(
    '≥ 2.5 × DBOS; ≥ 1.5 × OpenWorkflow, is 2.00 ×',
  );
});

it('single HTTP runs have a row for a calm system and one for the time after a burst', () => {
  const values = {
    'lone_run_ms.calm.stepbase': [18],
    'lone_run_ms.calm.dbos': [20],
    'lone_run_ms.after_burst.stepbase': [30],
    'lone_run_ms.after_burst.dbos': [20],
  };
  expect(targetOf(values, 'HTTP steps after another')).toBe('≤ 0.9 × DBOS, is 0.90 ×');
  expect(targetOf(values, 'right after the burst')).toBe('≤ 1 × DBOS, is 1.50 ×');
});

it('costs per step are medians, with targets in the first table', () => {
  expect(targetOf(COSTS, 'WAL bytes per step')).toBe('≤ 1,400');
  expect(costLines(measured(COSTS))).toEqual([
    expect.objectContaining({
      step: 'without side effects',
      system: 'Stepbase',
      'WAL bytes': '1,400',
      'rows written': '3.80',
    }),
  ]);
});

it('processor time that the system does not report is named as such', () => {
  const [line] = costLines(measured(COSTS));
  expect(line?.['CPU µs of PostgreSQL']).toBe('not measurable here');
  const cpu = { 'server_cpu_us_per_step.noop.stepbase': [210] };
  const [known] = costLines(measured({ ...COSTS, ...cpu }));
  expect(known?.['CPU µs of PostgreSQL']).toBe('210');
});

it('the second table is only printed if costs were measured', () => {
  const print = (values: Record<string, number[]>) =>
    markdown({ ...measured(values), server: 'PostgreSQL', profile: undefined }, FULL, 1);
  expect(print(COSTS)).toContain('| without side effects | Stepbase | 1,400 | 12.0 |');
  expect(print({ 'run_ms.stepbase': [4] })).not.toContain('WAL bytes');
});
