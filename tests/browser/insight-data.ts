// Rows for the pages of Insight in the application acme: failures of two workflows, a full queue, a lost worker, and what
// models used. The statistics are collected, which maintain() does once a minute.
import { randomUUID } from 'node:crypto';
import { failing, node, type TestApp, value } from '../engine/support.ts';

export interface InsightData {
  mark: string;
  /** Workflows: one fails with an expression, one with a refused call, one waits under the limit of the queue. */
  broken: string;
  refused: string;
  limited: string;
  queue: string;
  worker: string;
  model: string;
}

/** Ends what would stay: the runs that wait, and the worker. */
export async function removeInsight(b: TestApp, { limited, worker }: InsightData): Promise<void> {
  const { rows } = await b.db.query<{ id: string }>(
    `select r.id from stepbase.runs r join stepbase.workflows w on w.id = r.workflow_id
     where w.kebab_name = $1 and r.completed_at is null`,
    [limited],
  );
  await Promise.all(rows.map(({ id }) => b.developer.rpc('cancel_run', { run_id: id })));
  await b.db.query('delete from stepbase.workers where worker_id = $1', [worker]);
}

const FAILURES = 4;
const WAITING = 3;

export async function fillInsight(b: TestApp): Promise<InsightData> {
  const mark = randomUUID().slice(0, 8);
  const queue = `q-${mark}`;
  const worker = `host-${mark}-4711`;
  const model = `model-${mark}`;
  const [broken, refused, limited] = await Promise.all([
    b.publish([value('read'), failing('total')], ['read > total'], { name: `Invoices ${mark}` }),
    b.publish([node('call', 'http_request', { url: 'http://127.0.0.1:1/' })], [], {
      name: `Shipping ${mark}`,
    }),
    b.publish([node('wait', 'wait_for_signal', { signal_name: 'go' })], [], {
      name: `Export ${mark}`,
    }),
  ]);
  await b.db.query(
    `with q as (
       insert into stepbase.task_queues (app_code, name, display_name, max_concurrent_workflows, max_concurrent_activities)
       values ('acme', $1, $2, 1, 2) returning id
     )
     update stepbase.workflows w set task_queue_id = q.id from q where w.app_code = 'acme' and w.kebab_name = $3`,
    [queue, `Exports ${mark}`, limited],
  );
  await b.db.query(
    `insert into stepbase.workers (worker_id, status, hostname, version, last_heartbeat_at, started_at, concurrency)
     values ($1, 'lost', 'worker-2', '1.0.0', now() - interval '10 minutes', now() - interval '3 hours', 20)`,
    [worker],
  );
  const started = await Promise.all([
    ...Array.from({ length: FAILURES }, () => b.start(broken)),
    b.start(refused),
  ]);
  // The slot belongs to the run that an engine has admitted, not to the first that was started.
  const { id: holder } = await b.start(limited, { n: 0 }, { priority: 0 });
  await b.stepIs(holder, 'wait', 'waiting');
  for (let n = 1; n <= WAITING; n += 1) await b.start(limited, { n }, { priority: n });
  const [first] = started;
  await b.db.query(`select stepbase_engine.count_tokens($1, $2) from generate_series(1, 3)`, [
    first?.id,
    {
      provider: 'openai',
      model,
      input: 900_000,
      output: 100_000,
      total: 1_000_000,
      price: { input: 1, output: 6 },
    },
  ]);
  await Promise.all(started.map(({ id }) => b.ended(id)));
  await b.db.query('select stepbase_engine.collect_statistics()');
  return { mark, broken, refused, limited, queue, worker, model };
}
