// The reported figures: one number each, the median of the rounds.

export const CONTENDERS = [
  'stepbase',
  'dbos',
  'openworkflow',
  'graphile_worker',
  'pg_boss',
  'limit',
] as const;
export type Contender = (typeof CONTENDERS)[number];

/** The contenders that execute workflows. */
export const ENGINES = ['stepbase', 'dbos', 'openworkflow'] as const;
export type Engine = (typeof ENGINES)[number];

/** The steps of a measurement: steps that do nothing, and steps that make an HTTP call. */
export const KINDS = ['noop', 'http'] as const;
export type Kind = (typeof KINDS)[number];

export const COSTS = [
  'wal_bytes',
  'wal_image_bytes',
  'rows',
  'index_entries',
  'disk_bytes',
  'server_cpu_us',
  'worker_cpu_us',
] as const;
export type Cost = (typeof COSTS)[number];

export type Figure = number | null;

type OfEngines = Record<Engine, Figure>;

export type Figures = {
  steps_per_s: Record<Contender, Figure>;
  run_ms: OfEngines;
  calling_steps_per_s: OfEngines;
  /** A run with HTTP steps, nothing beside it. */
  lone_run_ms: { calm: OfEngines; after_burst: OfEngines };
  messages_per_run: Record<Kind, Figure>;
  fanout_steps_per_s: Figure;
  loaded_ratio: Figure;
  context_growth: Figure;
  held_steps_ratio: Figure;
  held_run_ratio: Figure;
  worker_rss_mb: Figure;
  idle_statements_per_s: Figure;
} & Record<`${Cost}_per_step`, Record<Kind, OfEngines>>;

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
  const each = <K extends string, V>(keys: readonly K[], value: (key: K) => V) =>
    Object.fromEntries(keys.map((key) => [key, value(key)])) as Record<K, V>;
  const engines = (name: string) => each(ENGINES, (engine) => of(`${name}.${engine}`));
  const cost = (name: Cost) => each(KINDS, (kind) => engines(`${name}_per_step.${kind}`));
  return {
    steps_per_s: each(CONTENDERS, (contender) => of(`steps_per_s.${contender}`)),
    run_ms: engines('run_ms'),
    calling_steps_per_s: engines('calling_steps_per_s'),
    lone_run_ms: {
      calm: engines('lone_run_ms.calm'),
      after_burst: engines('lone_run_ms.after_burst'),
    },
    messages_per_run: each(KINDS, (kind) => of(`messages_per_run.${kind}`)),
    wal_bytes_per_step: cost('wal_bytes'),
    wal_image_bytes_per_step: cost('wal_image_bytes'),
    rows_per_step: cost('rows'),
    index_entries_per_step: cost('index_entries'),
    disk_bytes_per_step: cost('disk_bytes'),
    server_cpu_us_per_step: cost('server_cpu_us'),
    worker_cpu_us_per_step: cost('worker_cpu_us'),
    fanout_steps_per_s: of('fanout_steps_per_s'),
    loaded_ratio: of('loaded_ratio'),
    context_growth: of('context_growth'),
    held_steps_ratio: of('held_steps_ratio'),
    held_run_ratio: of('held_run_ratio'),
    worker_rss_mb: of('worker_rss_mb'),
    idle_statements_per_s: of('idle_statements_per_s'),
  };
}

/** As many digits as mean something. */
export function shown(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}
