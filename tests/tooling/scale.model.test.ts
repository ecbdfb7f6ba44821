// The model of scale: its formulas with simple figures, the command with a file of the benchmark, and the page, whose
// tables are those of the model.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import {
  type CostFigures,
  DEFAULTS,
  limitOf,
  millionSteps,
  OVERHEAD,
  stepCost,
} from '../../scripts/scale/model.ts';
import { costTable, limitTable } from '../../scripts/scale/report.ts';
import { ROOT } from '../../scripts/stack/options.ts';

const of = (noop: number, http: number) => ({ noop: { stepbase: noop }, http: { stepbase: http } });
const FIGURES: CostFigures = {
  server_cpu_us_per_step: of(100, 300),
  worker_cpu_us_per_step: of(36, 36),
  wal_bytes_per_step: of(1_000, 3_000),
  rows_per_step: of(2, 4),
  disk_bytes_per_step: of(500, 1_500),
};

it('mixes the kinds of steps by their shares, with retention', () => {
  expect(stepCost(FIGURES, 0.5)).toEqual({
    serverCpuUs: 200 * OVERHEAD.cpu,
    workerCpuUs: 36,
    walBytes: 2_000 * OVERHEAD.wal,
    rows: 3,
    diskBytes: 1_000,
  });
});

it('prices processors by time, disk by the retention, and WAL by the time that it is kept', () => {
  const cost = { serverCpuUs: 324, workerCpuUs: 36, walBytes: 3_000, rows: 3, diskBytes: 1_000 };
  const prices = { coreHour: 1, diskGbMonth: 10, walGbMonth: 100, walDays: 3 };
  const million = millionSteps(cost, { ...DEFAULTS, retentionDays: 60, prices });
  expect(million).toMatchObject({ walGb: 3, rowsMillion: 3, diskGb: 1 });
  expect(million.serverCoreHours).toBeCloseTo(0.09);
  // 0.1 core hours, 1 GB for two months, 3 GB of WAL for a tenth of a month.
  expect(million.price).toBeCloseTo(0.1 + 20 + 30);
});

it('ends at the resource that is used up first', () => {
  const cost = { serverCpuUs: 500, workerCpuUs: 100, walBytes: 2_000, rows: 3, diskBytes: 1_000 };
  const assumed = { ...DEFAULTS, utilisation: 0.5, coreEfficiency: 0.5, walMbPerS: 10 };
  // Two cores count whole, the other two half: three cores, half of their time.
  expect(limitOf(cost, 4, assumed)).toMatchObject({ byCpu: 3_000, byWal: 2_500, stepsPerS: 2_500 });
  expect(limitOf(cost, 2, assumed)).toMatchObject({ byCpu: 2_000, stepsPerS: 2_000 });
  expect(limitOf(cost, 2, assumed).workerCores).toBeCloseTo(0.4);
  expect(limitOf(cost, 2, assumed).diskGb).toBeCloseTo((2_000 * 86_400 * 30 * 1_000) / 1e9);
});

it('refuses figures without the costs', () => {
  const { wal_bytes_per_step: _, ...rest } = FIGURES;
  expect(() => stepCost(rest, 0)).toThrow('npm run bench -- --json --only costs');
});

it('is the model of the page', async () => {
  const text = await readFile(join(ROOT, 'scripts/scale/figures.json'), 'utf8');
  const figures = JSON.parse(text) as CostFigures;
  const page = await readFile(join(ROOT, 'docs/internals/scale-model.md'), 'utf8');
  expect(page).toContain(costTable(figures, DEFAULTS));
  expect(page).toContain(limitTable(figures, DEFAULTS));
  const performance = await readFile(join(ROOT, 'docs/internals/performance.md'), 'utf8');
  for (const kind of ['noop', 'http'] as const) {
    const wal = figures.wal_bytes_per_step?.[kind].stepbase ?? 0;
    expect(performance).toContain(`| Stepbase | ${new Intl.NumberFormat('en').format(wal)} |`);
  }
});

it('reads the output of the benchmark', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stepbase-scale-'));
  try {
    const file = join(folder, 'bench.txt');
    await writeFile(file, `A table of the profile\n${JSON.stringify(FIGURES)}\n`);
    const run = (...args: string[]) =>
      promisify(execFile)(process.execPath, ['scripts/scale/main.ts', ...args], { cwd: ROOT });
    const { stdout } = await run('--figures', file, '--http', '0.5');
    expect(stdout).toContain(costTable(FIGURES, { ...DEFAULTS, httpShare: 0.5 }));
    await expect(run('--http', 'half')).rejects.toMatchObject({ code: 2 });
    await writeFile(file, '{}');
    await expect(run('--figures', file)).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is missing'),
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
