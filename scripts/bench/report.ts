// The printed report: the tables on the console and in docs/internals/performance.md, the machine, and the profile.

import { arch, cpus, platform, release, totalmem } from 'node:os';
import type { BenchResult } from './bench.ts';
import { COSTS, type Cost, ENGINES, type Figure, KINDS, shown } from './figures.ts';
import type { Profile } from './profile.ts';
import type { Sizes } from './sizes.ts';

const n = new Intl.NumberFormat('en');
const number = (value: Figure | undefined) =>
  value === null || value === undefined || !Number.isFinite(value)
    ? '–'
    : Math.abs(value) >= 100
      ? n.format(Math.round(value))
      : shown(value);

const range = (values: readonly number[] | undefined) =>
  values && values.length > 1
    ? `${number(Math.min(...values))} to ${number(Math.max(...values))}`
    : '–';

/** The part of a result that the tables show. */
export type Measured = Pick<BenchResult, 'figures' | 'rounds'>;

interface Line {
  work: string;
  system: string;
  median: string;
  rounds: string;
  target: string;
}

const NAMES = {
  stepbase: 'Stepbase',
  dbos: 'DBOS Transact',
  openworkflow: 'OpenWorkflow',
  graphile_worker: 'graphile-worker',
  pg_boss: 'pg-boss',
  limit: 'plain SQL (limit)',
} as const;

export function lines({ figures, rounds }: Measured, sizes: Sizes): Line[] {
  const line = (
    work: string,
    who: keyof typeof NAMES,
    value: Figure,
    key: string,
    target = '',
    unit = '',
  ): Line => ({
    work,
    system: NAMES[who],
    median: value === null ? '–' : `${number(value)}${unit}`,
    rounds: range(rounds[key]),
    target,
  });
  /** A line for each engine; the target of Stepbase's. */
  const engines = (
    work: string,
    values: Record<(typeof ENGINES)[number], Figure>,
    key: string,
    target: string,
  ) =>
    ENGINES.map((engine) =>
      line(work, engine, values[engine], `${key}.${engine}`, engine === 'stepbase' ? target : ''),
    );
  /** Targets as ratios of medians; without the ratio if a figure was not measured. */
  const against = (value: Figure, ...targets: [target: string, whole: Figure][]) =>
    targets
      .map(([target, whole]) =>
        value === null || whole === null ? target : `${target}, is ${shown(value / whole)} ×`,
      )
      .join('; ');
  const {
    steps_per_s: steps,
    run_ms,
    calling_steps_per_s: calling,
    lone_run_ms: lone,
    messages_per_run: messages,
    wal_bytes_per_step: wal,
    disk_bytes_per_step: disk,
  } = figures;
  const many = `${n.format(sizes.runs)} runs × 10 steps, ${sizes.inFlight} concurrent: steps/s`;
  const jobs = `${n.format(sizes.jobs)} raw jobs: jobs/s`;
  return [
    ...engines(
      many,
      steps,
      'steps_per_s',
      against(steps.stepbase, ['≥ 5 × DBOS', steps.dbos], ['≥ 0.6 × the limit', steps.limit]),
    ),
    line(
      'the fewest rows for the same, one connection, 100 steps per statement: steps/s',
      'limit',
      steps.limit,
      'steps_per_s.limit',
    ),
    line(jobs, 'graphile_worker', steps.graphile_worker, 'steps_per_s.graphile_worker'),
    line(jobs, 'pg_boss', steps.pg_boss, 'steps_per_s.pg_boss'),
    ...engines(
      'one run of 10 steps after another: ms per run',
      run_ms,
      'run_ms',
      against(run_ms.stepbase, ['≤ 0.35 × DBOS', run_ms.dbos]),
    ),
    ...engines(
      `${n.format(sizes.callingRuns)} runs × 10 HTTP steps, ${sizes.inFlight} concurrent: steps/s`,
      calling,
      'calling_steps_per_s',
      against(
        calling.stepbase,
        ['≥ 2.5 × DBOS', calling.dbos],
        ['≥ 1.5 × OpenWorkflow', calling.openworkflow],
      ),
    ),
    ...engines(
      'one run of 10 HTTP steps after another: ms per run',
      lone.calm,
      'lone_run_ms.calm',
      against(lone.calm.stepbase, ['≤ 0.9 × DBOS', lone.calm.dbos]),
    ),
    ...engines(
      'the same right after the burst of the row before: ms per run',
      lone.after_burst,
      'lone_run_ms.after_burst',
      against(lone.after_burst.stepbase, ['≤ 1 × DBOS', lone.after_burst.dbos]),
    ),
    line(
      `fan-out 1 → ${n.format(sizes.branches)} → 1: steps/s`,
      'stepbase',
      figures.fanout_steps_per_s,
      'fanout_steps_per_s',
      against(figures.fanout_steps_per_s, ['≥ the first row', steps.stepbase]),
    ),
    line(
      `first row with ${n.format(sizes.history * 10)} steps and ${n.format(sizes.history * 30)} events in the tables: share of the first row`,
      'stepbase',
      figures.loaded_ratio,
      'loaded_ratio',
      '≥ 0.95',
    ),
    line(
      `a run of ${sizes.longSteps} HTTP steps: cost of the last ${sizes.longEnds} steps relative to the first ${sizes.longEnds}`,
      'stepbase',
      figures.context_growth,
      'context_growth',
      '≤ 1.05',
    ),
    line(
      `runs × 10 HTTP steps while a transaction holds a snapshot, after ${n.format(sizes.heldRuns)} runs: share of the steps/s without it`,
      'stepbase',
      figures.held_steps_ratio,
      'held_steps_ratio',
      '≥ 0.9',
    ),
    line(
      'one run of 10 HTTP steps after that: share of the speed without the snapshot',
      'stepbase',
      figures.held_run_ratio,
      'held_run_ratio',
      '≥ 0.9',
    ),
    line(
      'WAL bytes per step without side effects',
      'stepbase',
      wal.noop.stepbase,
      'wal_bytes_per_step.noop.stepbase',
      '≤ 1,400',
    ),
    line(
      'WAL bytes per HTTP step',
      'stepbase',
      wal.http.stepbase,
      'wal_bytes_per_step.http.stepbase',
      '≤ 2,650',
    ),
    line(
      'bytes on disk per step without side effects',
      'stepbase',
      disk.noop.stepbase,
      'disk_bytes_per_step.noop.stepbase',
      '≤ 900',
    ),
    line(
      'broadcasts of one run of 10 HTTP steps',
      'stepbase',
      messages.http,
      'messages_per_run.http',
      '≤ 14',
    ),
    line(
      'broadcasts of one run of 10 steps without side effects',
      'stepbase',
      messages.noop,
      'messages_per_run.noop',
      '≤ 3',
    ),
    line(
      'peak resident memory of the worker',
      'stepbase',
      figures.worker_rss_mb,
      'worker_rss_mb',
      '< 200 MB',
      ' MB',
    ),
    line(
      `statements/s of an idle worker (${sizes.idleSeconds} s)`,
      'stepbase',
      figures.idle_statements_per_s,
      'idle_statements_per_s',
      '≤ 0.2',
    ),
  ].filter(({ median }) => median !== '–');
}

const COST_TITLES: Record<Cost, string> = {
  wal_bytes: 'WAL bytes',
  wal_image_bytes: 'WAL bytes of page images',
  rows: 'rows written',
  index_entries: 'index entries',
  disk_bytes: 'bytes on disk',
  server_cpu_us: 'CPU µs of PostgreSQL',
  worker_cpu_us: 'CPU µs of the worker',
};
const WORK = { noop: 'without side effects', http: 'HTTP' } as const;

/** The costs per step, a line for each engine and kind of step; empty if they were not measured. */
export function costLines({ figures }: Measured): Record<string, string>[] {
  return KINDS.flatMap((kind) =>
    ENGINES.filter((engine) => figures.wal_bytes_per_step[kind][engine] !== null).map((engine) => ({
      step: WORK[kind],
      system: NAMES[engine],
      ...Object.fromEntries(
        COSTS.map((cost) => {
          const value = figures[`${cost}_per_step`][kind][engine];
          // Only the processor time can be missing: it comes from /proc.
          return [COST_TITLES[cost], value === null ? 'not measurable here' : number(value)];
        }),
      ),
    })),
  );
}

function costMarkdown(result: Measured): string[] {
  const costs = costLines(result);
  const titles = Object.keys(costs[0] ?? {});
  if (titles.length === 0) return [];
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    '',
    row(titles),
    `|---|---|${'---:|'.repeat(titles.length - 2)}`,
    ...costs.map((line) => row(Object.values(line))),
  ];
}

export function markdown(result: BenchResult, sizes: Sizes, rounds: number): string {
  const rows = lines(result, sizes).map(
    ({ work, system, median, rounds, target }) =>
      `| ${work} | ${system} | ${median} | ${rounds} | ${target} |`,
  );
  return [
    `${rounds === 1 ? 'One round' : `Median of ${rounds} rounds`} on ${machine(result.server)}.`,
    '',
    '| work | system | median | lowest to highest | target |',
    '|---|---|---:|---:|---|',
    ...rows,
    ...costMarkdown(result),
  ].join('\n');
}

export function machine(server: string): string {
  const processors = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  const cores = `${processors.length} cores (${processors[0]?.model.trim() ?? 'unknown'})`;
  return `${cores}, ${memory} GB, ${platform()} ${release()} ${arch()}, Node ${process.versions.node}, ${server}`;
}

const WIDTH = 100;

export function profileMarkdown({ steps, wall_ms, statements, waits, cpu_ms }: Profile): string {
  const perStep = (ms: number) => ((ms * 1_000) / steps).toFixed(1);
  const rows = statements.map((s) => {
    const text = s.query.replaceAll('|', '\\|').replaceAll('`', "'");
    const query = text.length > WIDTH ? `${text.slice(0, WIDTH)}…` : text;
    const cells = [
      n.format(s.calls),
      number(s.total_ms),
      perStep(s.total_ms),
      number(s.plan_ms),
      number(s.rows),
      number(s.blocks),
      number(s.wal_bytes / 1024),
    ];
    return `| ${s.toplevel ? '' : 'inside'} | ${cells.join(' | ')} | \`${query}\` |`;
  });
  const cpu = cpu_ms
    ? Object.entries(cpu_ms).map(
        ([who, ms]) => `${who} ${number(ms)} ms (${perStep(ms)} µs per step)`,
      )
    : ['unknown on this system'];
  return [
    `${n.format(steps)} steps in ${number(wall_ms)} ms (with the profile on). CPU time: ${cpu.join(', ')}.`,
    '',
    '| | calls | total ms | µs per step | planning ms | rows | blocks | WAL kB | statement |',
    '|---|---:|---:|---:|---:|---:|---:|---:|---|',
    ...rows,
    '',
    '| session and wait event | on average |',
    '|---|---:|',
    ...Object.entries(waits.found)
      .sort(([, a], [, b]) => b - a)
      .slice(0, 12)
      .map(([what, count]) => `| ${what} | ${shown(count / waits.samples)} |`),
  ].join('\n');
}
