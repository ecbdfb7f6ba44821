// The counters of this process for Prometheus: executed attempts with their durations, and spans. They begin at zero
// with the process. The state of the whole installation is in /metrics of the API.

import { type Family, metricsText, type Sample } from '../_shared/metrics/text.ts';
import type { ExporterStats } from './tracing/exporter.ts';
import type { WorkerStats } from './worker.ts';

export const OUTCOMES = ['completed', 'waiting', 'failed'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Upper bounds in seconds. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

const DURATION = 'worker_attempt_duration_seconds';

export const FAMILIES: readonly Family[] = [
  { name: DURATION, type: 'histogram', help: 'Durations of executed attempts, by outcome.' },
  { name: 'worker_steps_executing', type: 'gauge', help: 'Steps that this process executes.' },
  { name: 'worker_tokens_leased', type: 'gauge', help: 'Jobs that this process has leased.' },
  { name: 'worker_spans_exported_total', type: 'counter', help: 'Spans that the collector took.' },
  { name: 'worker_spans_dropped_total', type: 'counter', help: 'Spans that were lost.' },
];

interface Histogram {
  /** By bound, the last for longer ones; not cumulative. */
  counts: number[];
  sum: number;
}

export class Meter {
  readonly #durations = new Map<Outcome, Histogram>(
    OUTCOMES.map((outcome) => [
      outcome,
      { counts: new Array<number>(BOUNDS.length + 1).fill(0), sum: 0 },
    ]),
  );

  record(outcome: Outcome, ms: number): void {
    const histogram = this.#durations.get(outcome);
    if (histogram === undefined) return;
    const seconds = ms / 1_000;
    const found = BOUNDS.findIndex((bound) => seconds <= bound);
    const at = found < 0 ? BOUNDS.length : found;
    histogram.counts[at] = (histogram.counts[at] ?? 0) + 1;
    histogram.sum += seconds;
  }

  text(stats: WorkerStats, spans: ExporterStats | undefined): string {
    const plain = (name: string, value: number): Sample => ({ name, labels: {}, value });
    return metricsText(FAMILIES, [
      ...[...this.#durations].flatMap(([outcome, histogram]) => samplesOf(outcome, histogram)),
      plain('worker_steps_executing', stats.executing),
      plain('worker_tokens_leased', stats.tokens),
      plain('worker_spans_exported_total', spans?.spans_exported ?? 0),
      plain('worker_spans_dropped_total', spans?.spans_dropped ?? 0),
    ]);
  }
}

function samplesOf(outcome: Outcome, { counts, sum }: Histogram): Sample[] {
  let total = 0;
  const buckets = counts.map((count, at): Sample => {
    total += count;
    const le = at < BOUNDS.length ? String(BOUNDS[at]) : '+Inf';
    return { name: `${DURATION}_bucket`, labels: { outcome, le }, value: total };
  });
  return [
    ...buckets,
    { name: `${DURATION}_sum`, labels: { outcome }, value: sum },
    { name: `${DURATION}_count`, labels: { outcome }, value: total },
  ];
}
