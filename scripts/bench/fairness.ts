// `npm run bench:fairness`: the latency of a single run of one app while another app has 10,000
// runs in the backlog. `--waiting N` for fewer, `--json` for one line of JSON at the end.

import { parseArgs } from 'node:util';
import pg from 'pg';
import { createStackClient, type StackClient } from '../stack/client.ts';
import type { Stack } from '../stack/stack.ts';
import { startThrowawayStack } from '../stack/throwaway.ts';
import { linear } from './owner.ts';

const { values } = parseArgs({
  options: {
    waiting: { type: 'string', default: '10000' },
    json: { type: 'boolean', default: false },
  },
});
const WAITING = Number(values.waiting);
const SINGLE_RUNS = 7;
const DEADLINE_MS = 300_000;
const WORKFLOW = 'ten-steps';

async function member(stack: Stack, email: string): Promise<StackClient> {
  const { api_url, publishable_key, users } = stack.info;
  const user = users.find((one) => one.email.startsWith(email));
  if (!user) throw new Error(`the stack has no ${email}`);
  const client = createStackClient(
    { api_url, publishable_key },
    { auth: { persistSession: false } },
  );
  const { error } = await client.auth.signInWithPassword(user);
  if (error) throw error;
  const saved = await client
    .rpc('save_workflow', { kebab_name: WORKFLOW, definition: linear(10) })
    .single<{ id: string }>();
  if (saved.error) throw saved.error;
  const published = await client.rpc('publish_workflow', { workflow_version_id: saved.data.id });
  if (published.error) throw published.error;
  return client;
}

/** Milliseconds from the call of start_run until the run is completed. */
async function single(client: StackClient, db: pg.Pool): Promise<number> {
  const begin = performance.now();
  const { data, error } = await client
    .rpc('start_run', { workflow: WORKFLOW })
    .single<{ id: string }>();
  if (error) throw error;
  while (performance.now() - begin < DEADLINE_MS) {
    const { rows } = await db.query<{ ended: boolean }>({
      name: 'ended',
      text: 'select completed_at is not null as ended from stepbase.runs where id = $1',
      values: [data.id],
    });
    if (rows[0]?.ended) return performance.now() - begin;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error('the single run did not end in time');
}

async function several(client: StackClient, db: pg.Pool): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < SINGLE_RUNS; i += 1) times.push(await single(client, db));
  return times.sort((a, b) => a - b);
}

const median = (sorted: number[]) => sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
const round = (ms: number) => Math.round(ms * 10) / 10;

async function left(db: pg.Pool): Promise<number> {
  const { rows } = await db.query<{ left: number }>(
    "select count(*)::int as left from stepbase.runs where app_code = 'acme' and status = 'pending'",
  );
  return rows[0]?.left ?? 0;
}

async function measure(stack: Stack, db: pg.Pool) {
  const [, small] = await Promise.all([
    member(stack, 'developer@acme'),
    member(stack, 'admin@globex'),
  ]);
  await several(small, db);
  const idle = await several(small, db);

  const begin = performance.now();
  await db.query(
    `select count(stepbase_engine.start_run('acme', w.published_version_id, '{}'))
     from stepbase.workflows w, generate_series(1, $2)
     where w.app_code = 'acme' and w.kebab_name = $1`,
    [WORKFLOW, WAITING],
  );
  const started = performance.now();
  const busy = await several(small, db);
  const waiting = await left(db);
  while ((await left(db)) > 0) {
    if (performance.now() - started > DEADLINE_MS) throw new Error('the waiting runs did not end');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    waiting: WAITING,
    starts_per_s: Math.round((WAITING * 1000) / (started - begin)),
    idle_ms: round(median(idle)),
    single_ms: round(median(busy)),
    slowest_ms: round(busy.at(-1) ?? Number.NaN),
    still_waiting_after: waiting,
    waiting_runs_per_s: Math.round((WAITING * 1000) / (performance.now() - started)),
  };
}

const stack = await startThrowawayStack();
const db = new pg.Pool({ connectionString: stack.info.db_url, max: 3 });
db.on('error', () => undefined);
try {
  const result = await measure(stack, db);
  if (values.json) console.log(JSON.stringify(result));
  else {
    console.log(`${result.waiting} runs of one app wait; another app starts single runs of ten steps.
  single run without a backlog        ${result.idle_ms} ms
  single run with the backlog         ${result.single_ms} ms (median of ${SINGLE_RUNS}), slowest ${result.slowest_ms} ms
  runs left in the backlog            ${result.still_waiting_after}
  starts                              ${result.starts_per_s} runs/s
  backlog processed                   ${result.waiting_runs_per_s} runs/s`);
  }
} finally {
  await db.end();
  await stack.stop();
}
