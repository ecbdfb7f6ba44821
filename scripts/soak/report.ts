// The report of a soak, for people.

import { MESSAGES } from './sample.ts';
import type { SoakResult } from './soak.ts';
import type { Quarter } from './verdict.ts';

const rounded = (value: number) => Number(value.toFixed(value < 100 ? 1 : 0));

const LABELS: Record<keyof Quarter, string> = {
  mb: 'tables and indexes: MB',
  steps_per_s: 'steps/s',
  cpu_us_per_step: 'CPU µs per step (server and worker)',
  wal_bytes_per_step: 'WAL bytes per step',
  dead_rows: 'dead rows',
  deleted_runs: 'runs deleted',
  worker_mb: 'worker: MB',
};

const SHOWN_TABLES = 8;

/** One row per figure and per large table: the second quarter, the last one, and their ratio. */
export function lines(result: SoakResult): Record<string, Record<string, number>> {
  const { second, last, tables } = result;
  const row = (a: number, b: number) => ({
    'second quarter': rounded(a),
    'last quarter': rounded(b),
    ratio: Number((b / a).toFixed(2)),
  });
  const figures = (Object.keys(LABELS) as (keyof Quarter)[]).map(
    (key) => [LABELS[key], row(second[key], last[key])] as const,
  );
  const sizes = tables
    .filter(({ name }) => name !== MESSAGES)
    .slice(0, SHOWN_TABLES)
    .map(({ name, second_mb, last_mb }) => [`${name}: MB`, row(second_mb, last_mb)] as const);
  return Object.fromEntries([...figures, ...sizes]);
}

export function verdictText(result: SoakResult): string {
  const { faults, is_judged } = result;
  const counts = `${result.steps} steps in ${result.seconds.toFixed(0)} s; retention keeps ${result.retained_runs} runs; ${result.runs_deleted} were deleted, ${result.runs_kept} left, ${result.runs_audited} audited.`;
  if (faults.length > 0) return `${counts}\nFailed: ${faults.join('; ')}.`;
  return is_judged
    ? `${counts}\nSize and speed stayed the same.`
    : `${counts}\nThe audit found no fault. These steps are too few for a verdict about size and speed.`;
}
