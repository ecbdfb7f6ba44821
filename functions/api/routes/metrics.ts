// GET /metrics: the state of the installation for Prometheus, read from the database, and how this process reads. Each
// process of the worker has metrics of its own: functions/worker/meter.ts. It is not part of the OpenAPI document, because it answers operators only.
import { Hono, type MiddlewareHandler } from 'hono';
import { AppError } from '../../_shared/errors/index.ts';
import {
  type Family,
  METRICS_TYPE,
  mayReadMetrics,
  metricsText,
  type Sample,
} from '../../_shared/metrics/text.ts';
import type { ApiEnv, Deps } from '../deps.ts';
import { readMetrics } from '../queries.ts';

/** Several scrapers share one result. */
const KEPT_MS = 5_000;

export const FAMILIES: readonly Family[] = [
  { name: 'open_runs', type: 'gauge', help: 'Runs that have not ended, by status.' },
  { name: 'backlog_runs', type: 'gauge', help: 'Runs that wait for admission to the queue.' },
  { name: 'queue_jobs', type: 'gauge', help: 'Jobs of the queue: queued, or leased by a worker.' },
  { name: 'queue_oldest_seconds', type: 'gauge', help: 'Age of the oldest queued job.' },
  { name: 'outbox_messages', type: 'gauge', help: 'Messages of the outbox, by state.' },
  { name: 'outbox_oldest_seconds', type: 'gauge', help: 'Age of the oldest unpublished message.' },
  {
    name: 'webhook_deliveries_pending',
    type: 'gauge',
    help: 'Deliveries of outgoing webhooks that wait.',
  },
  {
    name: 'schedules_overdue',
    type: 'gauge',
    help: 'Schedules that are overdue for more than a minute.',
  },
  { name: 'workers', type: 'gauge', help: 'Workers by status.' },
  { name: 'steps_executing', type: 'gauge', help: 'Steps that the alive workers execute.' },
  {
    name: 'worker_concurrency',
    type: 'gauge',
    help: 'Steps that the alive workers may execute at the same time.',
  },
  {
    name: 'step_attempts_total',
    type: 'counter',
    help: 'Ended attempts of steps, by step type and outcome, as of the last maintenance.',
  },
  {
    name: 'dead_letters',
    type: 'gauge',
    help: 'Runs that failed or timed out and were not redriven.',
  },
  { name: 'database_bytes', type: 'gauge', help: 'Size of the database.' },
  {
    name: 'api_reads_total',
    type: 'counter',
    help: 'Reads of this process that a replica may answer, by the server that answered and the reason.',
  },
  {
    name: 'replica_up',
    type: 'gauge',
    help: '1 while the read replica answers this process; absent without a replica.',
  },
  {
    name: 'replica_lag_seconds',
    type: 'gauge',
    help: 'Time by which the read replica is behind, at most.',
  },
];

export function metricsRoutes(deps: Deps, failures: MiddlewareHandler<ApiEnv>): Hono<ApiEnv> {
  const { reads, clock, identify, metrics } = deps;
  let kept: { samples: Promise<Sample[]>; until: number } | undefined;

  function samples(): Promise<Sample[]> {
    if (kept === undefined || clock.now() >= kept.until) {
      const asked = {
        samples: reads.asFunction((db) => readMetrics(db, metrics.byApp)),
        until: clock.now() + KEPT_MS,
      };
      kept = asked;
      // A failure is not kept.
      asked.samples.catch(() => {
        if (kept === asked) kept = undefined;
      });
    }
    return kept.samples;
  }

  /** The counters of this process, and the replica as it is now. */
  async function own(): Promise<Sample[]> {
    const replica = await reads.measure();
    if (replica === undefined) return reads.samples();
    const { lagMs } = replica;
    const gauge = (name: string, value: number): Sample => ({ name, labels: {}, value });
    return [
      ...reads.samples(),
      gauge('replica_up', lagMs === undefined ? 0 : 1),
      ...(lagMs === undefined ? [] : [gauge('replica_lag_seconds', lagMs / 1_000)]),
    ];
  }

  return new Hono<ApiEnv>().get('/metrics', failures, async (c) => {
    const keys = { secretKeys: identify.secretKeys, token: metrics.token };
    if (!mayReadMetrics(c.req.raw.headers, keys)) {
      throw new AppError('not_authenticated', 'Send the secret key or STEPBASE_METRICS_TOKEN');
    }
    // First the state of the installation: its read is one of the counted ones.
    const all = [...(await samples()), ...(await own())];
    return c.body(metricsText(FAMILIES, all), 200, {
      'content-type': METRICS_TYPE,
      'cache-control': 'no-store',
    });
  });
}
