// The printed report: the table on the console and in docs/performance.md, the machine, and the profile.

import { arch, cpus, platform, release, totalmem } from 'node:os';
import type { BenchResult } from './bench.ts';
import { type Figure, median, shown } from './figures.ts';
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

interface Line {
  work: string;
  who: string;
  median: string;
  rounds: string;
  target: string;
}

export function lines(result: BenchResult, sizes: Sizes): Line[] {
  const { figures, rounds } = result;
  const { steps_per_s: steps, run_ms } = figures;
  const line = (
    work: string,
    who: string,
    value: Figure,
    key: string,
    target = '',
    unit = '',
  ): Line => ({
    work,
    who,
    median: value === null ? '–' : `${number(value)}${unit}`,
    rounds: range(rounds[key]),
    target,
  });
  const many = `${n.format(sizes.runs)} runs × 10 steps, ${sizes.inFlight} at a time: steps/s`;
  const calling = `${n.format(sizes.callingRuns)} runs × 10 steps that call an HTTP server, ${sizes.inFlight} at a time: steps/s`;
  const own = (key: string): Figure => (rounds[key] ? median(rounds[key]) : null);
  const called = {
    stepbase: own('calling_steps_per_s.stepbase'),
    dbos: own('calling_steps_per_s.dbos'),
  };
  const times = (value: Figure, other: Figure) =>
    value === null || other === null ? '' : `, is ${shown(value / other)} ×`;
  return [
    line(
      many,
      'Stepbase',
      steps.stepbase,
      'steps_per_s.stepbase',
      `≥ 5 × DBOS${times(steps.stepbase, steps.dbos)}`,
    ),
    line(many, 'DBOS Transact', steps.dbos, 'steps_per_s.dbos'),
    line(
      `${n.format(sizes.jobs)} raw jobs: jobs/s`,
      'graphile-worker',
      steps.graphile_worker,
      'steps_per_s.graphile_worker',
    ),
    line(
      'the same rows by one connection, 100 steps a statement: steps/s',
      'plain SQL (the limit)',
      steps.limit,
      'steps_per_s.limit',
    ),
    line(
      'one 10-step run after another: ms a run',
      'Stepbase',
      run_ms.stepbase,
      'run_ms.stepbase',
      `≤ 0.5 × DBOS${times(run_ms.stepbase, run_ms.dbos)}`,
    ),
    line('one 10-step run after another: ms a run', 'DBOS Transact', run_ms.dbos, 'run_ms.dbos'),
    line(
      calling,
      'Stepbase',
      called.stepbase,
      'calling_steps_per_s.stepbase',
      called.stepbase === null || called.dbos === null
        ? ''
        : `is ${shown(called.stepbase / called.dbos)} × DBOS`,
    ),
    line(calling, 'DBOS Transact', called.dbos, 'calling_steps_per_s.dbos'),
    line(
      `fan-out 1 → ${n.format(sizes.branches)} → 1: steps/s`,
      'Stepbase',
      figures.fanout_steps_per_s,
      'fanout_steps_per_s',
      `≥ the first row${times(figures.fanout_steps_per_s, steps.stepbase)}`,
    ),
    line(
      `first row with ${n.format(sizes.history * 10)} finished steps and ${n.format(sizes.history * 30)} events in the tables: share of the first row`,
      'Stepbase',
      figures.loaded_ratio,
      'loaded_ratio',
      '≥ 0.9',
    ),
    line(
      `a run of ${sizes.longSteps} steps that call an HTTP server: cost of the last ${sizes.longEnds} steps against the first ${sizes.longEnds}`,
      'Stepbase',
      figures.context_growth,
      'context_growth',
      '≤ 1.2',
    ),
    line(
      'largest resident memory of the worker during all this',
      'Stepbase',
      figures.worker_rss_mb,
      'worker_rss_mb',
      '< 256 MB',
      ' MB',
    ),
    line(
      `statements/s of an idle worker (${sizes.idleSeconds} s watched)`,
      'Stepbase',
      figures.idle_statements_per_s,
      'idle_statements_per_s',
      '< 1',
    ),
  ].filter(({ median }) => median !== '–');
}

export function markdown(result: BenchResult, sizes: Sizes, rounds: number): string {
  const rows = lines(result, sizes).map(
    ({ work, who, median, rounds, target }) =>
      `| ${work} | ${who} | ${median} | ${rounds} | ${target} |`,
  );
  return [
    `${rounds === 1 ? 'One round' : `Median of ${rounds} rounds`} on ${machine(result.server)}.`,
    '',
    '| work | who | median | lowest to highest | target |',
    '|---|---|---:|---:|---|',
    ...rows,
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
        ([who, ms]) => `${who} ${number(ms)} ms (${perStep(ms)} µs a step)`,
      )
    : ['unknown on this system'];
  return [
    `${n.format(steps)} steps in ${number(wall_ms)} ms (with the profile on). CPU time: ${cpu.join(', ')}.`,
    '',
    '| | calls | total ms | µs a step | planning ms | rows | blocks | WAL kB | statement |',
    '|---|---:|---:|---:|---:|---:|---:|---:|---|',
    ...rows,
    '',
    '| session at work, and what it waits for | on average |',
    '|---|---:|',
    ...Object.entries(waits.found)
      .sort(([, a], [, b]) => b - a)
      .slice(0, 12)
      .map(([what, count]) => `| ${what} | ${shown(count / waits.samples)} |`),
  ].join('\n');
}
