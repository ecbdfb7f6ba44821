// A model of what a million steps cost and where one PostgreSQL ends, from the figures of the benchmark. Every formula is
// here; docs/internals/scale-model.md explains them.

import type { Cost, Kind } from '../bench/figures.ts';

/** The part of the benchmark's figures that the model reads. */
export type CostFigures = {
  [Name in `${Cost}_per_step`]?: Record<Kind, { stepbase: number | null }>;
};

/** What one step costs. */
export interface StepCost {
  /** Processor time of PostgreSQL and of the worker. */
  serverCpuUs: number;
  workerCpuUs: number;
  walBytes: number;
  rows: number;
  /** With the indexes, until retention deletes the step. */
  diskBytes: number;
}

/**
 * What retention, vacuum and checkpoints add to the figures of the benchmark, which measures new steps only. The soak
 * (npm run soak) deletes as many steps as it executes, a fifth of them HTTP calls. Its figures divided by those of the
 * benchmark for the same mix: (1,059 - 147) / 525 µs in PostgreSQL, and 3,695 / 2,138 bytes of WAL.
 */
export const OVERHEAD = { cpu: 1.74, wal: 1.73 };

export interface Assumptions {
  /** The share of steps that make an HTTP call; the others have no side effects. */
  httpShare: number;
  /** The share of a resource that steady load may use. The rest is for peaks, reads and backups. */
  utilisation: number;
  /** How much of a further core is of use. The benchmark has two cores, so this is not measured. */
  coreEfficiency: number;
  /** What the disk of the WAL writes, in MB/s. */
  walMbPerS: number;
  retentionDays: number;
  prices: Prices;
}

/** In one currency. */
export interface Prices {
  coreHour: number;
  diskGbMonth: number;
  /** One GB of archived WAL (point-in-time recovery) in a month. */
  walGbMonth: number;
  /** How long archived WAL is kept. */
  walDays: number;
}

export const DEFAULTS: Assumptions = {
  httpShare: 0.2,
  utilisation: 0.6,
  coreEfficiency: 0.8,
  walMbPerS: 100,
  retentionDays: 30,
  prices: { coreHour: 0.05, diskGbMonth: 0.125, walGbMonth: 0.02, walDays: 7 },
};

const DAYS_OF_MONTH = 30;
const BENCH_CORES = 2;
const GB = 1e9;

function figure(figures: CostFigures, name: keyof CostFigures, kind: Kind): number {
  const value = figures[name]?.[kind].stepbase;
  if (typeof value === 'number') return value;
  throw new Error(`${name}.${kind} is missing: measure with npm run bench -- --json --only costs`);
}

function costOfKind(figures: CostFigures, kind: Kind): StepCost {
  return {
    serverCpuUs: figure(figures, 'server_cpu_us_per_step', kind) * OVERHEAD.cpu,
    workerCpuUs: figure(figures, 'worker_cpu_us_per_step', kind),
    walBytes: figure(figures, 'wal_bytes_per_step', kind) * OVERHEAD.wal,
    rows: figure(figures, 'rows_per_step', kind),
    diskBytes: figure(figures, 'disk_bytes_per_step', kind),
  };
}

/** The average of the mix, with retention. */
export function stepCost(figures: CostFigures, httpShare: number): StepCost {
  const noop = costOfKind(figures, 'noop');
  const http = costOfKind(figures, 'http');
  const mixed = (key: keyof StepCost) => (1 - httpShare) * noop[key] + httpShare * http[key];
  return {
    serverCpuUs: mixed('serverCpuUs'),
    workerCpuUs: mixed('workerCpuUs'),
    walBytes: mixed('walBytes'),
    rows: mixed('rows'),
    diskBytes: mixed('diskBytes'),
  };
}

export interface MillionSteps {
  serverCoreHours: number;
  workerCoreHours: number;
  walGb: number;
  rowsMillion: number;
  diskGb: number;
  price: number;
}

/** A million steps, each kept for the retention. */
export function millionSteps(cost: StepCost, { prices, retentionDays }: Assumptions): MillionSteps {
  // A million steps of so many microseconds are so many seconds.
  const serverCoreHours = cost.serverCpuUs / 3_600;
  const workerCoreHours = cost.workerCpuUs / 3_600;
  const walGb = (cost.walBytes * 1e6) / GB;
  const diskGb = (cost.diskBytes * 1e6) / GB;
  const price =
    (serverCoreHours + workerCoreHours) * prices.coreHour +
    (diskGb * prices.diskGbMonth * retentionDays) / DAYS_OF_MONTH +
    (walGb * prices.walGbMonth * prices.walDays) / DAYS_OF_MONTH;
  return { serverCoreHours, workerCoreHours, walGb, rowsMillion: cost.rows, diskGb, price };
}

export interface Limit {
  cores: number;
  /** What the processors, and the disk of the WAL, allow. The lower one counts. */
  byCpu: number;
  byWal: number;
  stepsPerS: number;
  /** Disk of the steps within the retention at that speed. */
  diskGb: number;
  /** Cores that the workers need, on other machines. */
  workerCores: number;
}

/** The steady speed of one PostgreSQL with so many cores of the benchmark's kind. */
export function limitOf(cost: StepCost, cores: number, assumed: Assumptions): Limit {
  const { utilisation, coreEfficiency, walMbPerS, retentionDays } = assumed;
  const useful = Math.min(cores, BENCH_CORES) + Math.max(0, cores - BENCH_CORES) * coreEfficiency;
  const byCpu = (useful * utilisation * 1e6) / cost.serverCpuUs;
  const byWal = (walMbPerS * 1e6 * utilisation) / cost.walBytes;
  const stepsPerS = Math.min(byCpu, byWal);
  return {
    cores,
    byCpu,
    byWal,
    stepsPerS,
    diskGb: (stepsPerS * 86_400 * retentionDays * cost.diskBytes) / GB,
    workerCores: (stepsPerS * cost.workerCpuUs) / 1e6 / utilisation,
  };
}
