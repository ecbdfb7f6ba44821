// The verdict of a soak: the last quarter of the steps against the second. The first fills the tables up to the
// retention, and the third leaves time for a slow growth to show.

import { bytesOf, keptBytes, MESSAGES, type Sample } from './sample.ts';

export interface Quarter {
  /** Of all tables but the messages of Realtime, on average. */
  mb: number;
  steps_per_s: number;
  /** CPU microseconds of the server and the worker for each step. */
  cpu_us_per_step: number;
  wal_bytes_per_step: number;
  dead_rows: number;
  deleted_runs: number;
  worker_mb: number;
}

export interface TableGrowth {
  name: string;
  second_mb: number;
  last_mb: number;
  dead_rows: number;
}

export interface Verdict {
  second: Quarter;
  last: Quarter;
  size_ratio: number;
  speed_ratio: number;
  cpu_ratio: number;
  tables: TableGrowth[];
  /** What did not stay the same; empty if everything did. */
  faults: string[];
}

/**
 * Ten percent: two quarters without growth differ by up to 4 % in size (retention deletes in intervals), and tables
 * that keep their dead rows double.
 */
const MOST_GROWTH = 1.1;
/** One table may hide in the sum. Small tables vary by a few MB. */
const MOST_TABLE_GROWTH = 1.25;
const TABLE_SLACK_MB = 4;
/**
 * Other processes on the machine also lower the steps per second, but they do not raise the CPU time of a step. A fall
 * of more than ten percent therefore only counts with more CPU time; below LEAST_SPEED it always counts.
 */
const LEAST_SPEED_WITH_CPU = 0.9;
const MOST_CPU = 1.05;
const LEAST_SPEED = 0.75;

const MB = 1024 * 1024;

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

/** The samples of a quarter (0 to 3), after the one that the quarter begins with. */
function quarterOf(samples: readonly Sample[], place: number): { first: Sample; rest: Sample[] } {
  const total = samples.at(-1)?.steps ?? 0;
  const from = (total * place) / 4;
  const to = (total * (place + 1)) / 4;
  const first = samples.findLast(({ steps }) => steps <= from);
  const rest = samples.filter(({ steps }) => steps > from && steps <= to);
  if (!first || rest.length === 0) throw new Error(`no sample in quarter ${place + 1}`);
  return { first, rest };
}

function summary(samples: readonly Sample[], place: number): Quarter {
  const { first, rest } = quarterOf(samples, place);
  const last = rest.at(-1) ?? first;
  const steps = last.steps - first.steps;
  const cpu = (sample: Sample) => sample.serverCpuMs + sample.workerCpuMs;
  return {
    mb: mean(rest.map(keptBytes)) / MB,
    steps_per_s: (steps * 1_000) / (last.ms - first.ms),
    cpu_us_per_step: ((cpu(last) - cpu(first)) * 1_000) / steps,
    wal_bytes_per_step: (last.walBytes - first.walBytes) / steps,
    dead_rows: mean(rest.map(({ tables }) => tables.reduce((sum, { dead }) => sum + dead, 0))),
    deleted_runs: last.deletedRuns - first.deletedRuns,
    worker_mb: mean(rest.map(({ workerMb }) => workerMb)),
  };
}

function growth(samples: readonly Sample[]): TableGrowth[] {
  const second = quarterOf(samples, 1).rest;
  const last = quarterOf(samples, 3).rest;
  const names = new Set(last.flatMap(({ tables }) => tables.map(({ name }) => name)));
  const average = (of: readonly Sample[], name: string, value: 'bytes' | 'dead') =>
    mean(
      of.map(({ tables }) => {
        const table = tables.find((one) => one.name === name);
        if (!table) return 0;
        return value === 'dead' ? table.dead : bytesOf(table);
      }),
    );
  return [...names]
    .map((name) => ({
      name,
      second_mb: average(second, name, 'bytes') / MB,
      last_mb: average(last, name, 'bytes') / MB,
      dead_rows: average(last, name, 'dead'),
    }))
    .sort((a, b) => b.last_mb - a.last_mb);
}

const percent = (ratio: number) => `${((ratio - 1) * 100).toFixed(0)} %`;

export function judge(samples: readonly Sample[]): Verdict {
  const second = summary(samples, 1);
  const last = summary(samples, 3);
  const tables = growth(samples);
  const size_ratio = last.mb / second.mb;
  const speed_ratio = last.steps_per_s / second.steps_per_s;
  const cpu_ratio = last.cpu_us_per_step / second.cpu_us_per_step;
  const faults: string[] = [];
  if (!(second.deleted_runs > 0)) faults.push('retention deleted no run in the second quarter');
  if (size_ratio > MOST_GROWTH) faults.push(`the tables grew by ${percent(size_ratio)}`);
  for (const table of tables) {
    if (table.name === MESSAGES) continue;
    if (table.last_mb > table.second_mb * MOST_TABLE_GROWTH + TABLE_SLACK_MB) {
      faults.push(
        `${table.name} grew from ${table.second_mb.toFixed(1)} to ${table.last_mb.toFixed(1)} MB`,
      );
    }
  }
  const costlier = Number.isNaN(cpu_ratio) || cpu_ratio > MOST_CPU;
  if (speed_ratio < LEAST_SPEED || (speed_ratio < LEAST_SPEED_WITH_CPU && costlier)) {
    faults.push(`the steps per second changed by ${percent(speed_ratio)}`);
  }
  return { second, last, size_ratio, speed_ratio, cpu_ratio, tables, faults };
}
