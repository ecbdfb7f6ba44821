// The reported figures: one number each, the median of the rounds.

export const CONTENDERS = ['stepbase', 'dbos', 'graphile_worker', 'limit'] as const;
export type Contender = (typeof CONTENDERS)[number];

export type Figure = number | null;

export interface Figures {
  steps_per_s: Record<Contender, Figure>;
  run_ms: { stepbase: Figure; dbos: Figure };
  fanout_steps_per_s: Figure;
  loaded_ratio: Figure;
  context_growth: Figure;
  worker_rss_mb: Figure;
  idle_statements_per_s: Figure;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = Number.NaN] = [
    sorted[Math.ceil(sorted.length / 2) - 1],
    sorted[middle],
  ];
  return (low + high) / 2;
}

/** The report of the values of all rounds, by name. */
export function figuresOf(measured: ReadonlyMap<string, readonly number[]>): Figures {
  const of = (name: string): Figure => {
    const values = measured.get(name);
    return values ? Number(shown(median(values))) : null;
  };
  return {
    steps_per_s: {
      stepbase: of('steps_per_s.stepbase'),
      dbos: of('steps_per_s.dbos'),
      graphile_worker: of('steps_per_s.graphile_worker'),
      limit: of('steps_per_s.limit'),
    },
    run_ms: { stepbase: of('run_ms.stepbase'), dbos: of('run_ms.dbos') },
    fanout_steps_per_s: of('fanout_steps_per_s'),
    loaded_ratio: of('loaded_ratio'),
    context_growth: of('context_growth'),
    worker_rss_mb: of('worker_rss_mb'),
    idle_statements_per_s: of('idle_statements_per_s'),
  };
}

/** As many digits as mean something. */
export function shown(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}
