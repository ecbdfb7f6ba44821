// Searches of the queue begin at its start. Under a held snapshot, which keeps the dead entries of every token, a start,
// a fetch and a claim read no more than without it. No token is lost, and the order of the queue stays as it is.

import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../functions/_shared/clock/clock.ts';
import { type Db, openDb } from '../../functions/_shared/db/pool.ts';
import { openQueue, type TokenQueue } from '../../functions/worker/engine/queue.ts';
import { LOOK_MS } from '../../functions/worker/engine/queue-start.ts';
import { freshDatabase, pool } from '../support/stack.ts';
import { value } from './support.ts';
import { claim } from './tokens.ts';

const APPS = ['acme', 'globex'];
const WORKFLOW = 'one-step';

/** A database without a worker: tokens stay in the queue until the test takes them. */
let url: string;
let db: pg.Pool;
let workerDb: Db;
let queue: TokenQueue;
/** Moved by hand, so that the queue looks when the test wants it to. */
let now = 0;
/** The text of the last fetch. */
let fetchText = '';

beforeAll(async () => {
  ({ url } = await freshDatabase({ seed: true }));
  db = pool(url);
  for (const app of APPS) {
    const { rows } = await db.query<{ id: string }>(
      `with workflow as (
         insert into stepbase.workflows (app_code, kebab_name, name) values ($1, $2, $2)
         returning id, app_code
       )
       insert into stepbase.workflow_versions (app_code, workflow_id, version, definition)
       select app_code, id, 1, $3 from workflow returning id`,
      [app, WORKFLOW, JSON.stringify({ nodes: [value('a')], edges: [] })],
    );
    await db.query(
      "update stepbase.workflow_versions set status = 'published', published_at = now() where id = $1",
      [rows[0]?.id],
    );
    await db.query(
      `update stepbase.workflows set status = 'published', published_version_id = $1
       where app_code = $2 and kebab_name = $3`,
      [rows[0]?.id, app, WORKFLOW],
    );
  }
  workerDb = openDb({ connectionString: url, max: 2, applicationName: 'worker', direct: true });
  queue = await openQueue(
    {
      ...workerDb,
      executeSql(text, values) {
        if (text.includes('FOR UPDATE')) fetchText = text;
        return workerDb.executeSql(text, values);
      },
    },
    { ...systemClock, now: () => now },
    (error) => {
      throw error;
    },
  );
});

afterAll(async () => {
  await queue.stop();
  await workerDb.close();
});

const START = `
  select (stepbase_engine.start_run(w.app_code, w.published_version_id, '{}')).id
  from stepbase.workflows w
  where w.kebab_name = '${WORKFLOW}' and w.app_code = $1`;

async function start(app = 'acme', by: Pick<pg.Client, 'query'> = db): Promise<string> {
  const { rows } = await by.query<{ id: string }>(START, [app]);
  return rows[0]?.id ?? '';
}

/** Fetches after a look, and returns the runs. */
async function fetch(limit = 100) {
  now += LOOK_MS;
  const tokens = await queue.fetch(limit);
  return tokens.map(({ jobId, runId, delivery }) => ({ job_id: jobId, run_id: runId, delivery }));
}

/** Executes the runs of these tokens to their end. */
async function execute(tokens: Awaited<ReturnType<typeof fetch>>): Promise<void> {
  const steps = await claim(db, tokens);
  const fill = (text: string) => `array_fill(null::${text}, array[${steps.length}])`;
  await db.query(
    `select stepbase_engine.complete(
       $1, $2, $3, ${fill('jsonb')}, array_fill('1'::jsonb, array[${steps.length}]), ${fill('text')},
       ${fill('jsonb')}, ${fill('text')}, ${fill('text')}, ${fill('uuid')}
     )`,
    [
      steps.map(({ run_id }) => run_id),
      steps.map(({ step_run_id }) => step_run_id),
      steps.map(({ fence }) => fence),
    ],
  );
}

async function startAndExecute(runs: number): Promise<void> {
  for (let i = 0; i < runs; i += 1) await start();
  const tokens = await fetch();
  expect(tokens).toHaveLength(runs);
  await execute(tokens);
}

async function rounds(): Promise<number[]> {
  const { rows } = await db.query<{ round: number }>(
    "select -priority as round from stepbase_queue.job where state < 'active' order by priority desc, created_on",
  );
  return rows.map(({ round }) => round);
}

/** The number of runs in the backlog. */
async function waiting(): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    'select count(*)::int as count from stepbase_engine.run_backlog',
  );
  return rows[0]?.count ?? Number.NaN;
}

async function places(): Promise<{ start: number; next: number } | undefined> {
  const { rows } = await db.query<{ start: number; next: number }>(
    `select s.last_value::int as start, n.last_value::int as next
     from stepbase_engine.queue_start s, stepbase_engine.queue_next n`,
  );
  return rows[0];
}

/** The blocks that a statement reads; its changes are rolled back. */
async function blocks(text: string, values: unknown[] = []): Promise<number> {
  const client = await db.connect();
  try {
    await client.query('begin');
    // Once without counting: a new connection reads the catalogue for its plans.
    await client.query('savepoint warm');
    await client.query(text, values);
    await client.query('rollback to warm');
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
      `explain (analyze, buffers, format json) ${text}`,
      values,
    );
    const plan = rows[0]?.['QUERY PLAN'][0].Plan;
    return (plan?.['Shared Hit Blocks'] ?? 0) + (plan?.['Shared Read Blocks'] ?? 0);
  } finally {
    await client.query('rollback');
    client.release();
  }
}

const CLAIM = 'select * from stepbase_engine.claim($1, $2, $3)';

/** The blocks of a start, of a fetch and of a claim. */
async function blocksOfEach(): Promise<{ start: number; fetch: number; claim: number }> {
  const started = await blocks(START, ['acme']);
  await start();
  const [token] = await fetch();
  if (!token) throw new Error('no token');
  const claimed = await blocks(CLAIM, [[token.job_id], [token.run_id], [token.delivery]]);
  await execute([token]);
  const fetched = await blocks(fetchText.replace(/^set local [^;]*;/, ''));
  // The text of pg-boss is changed for this: see lookedUpById.
  expect(fetchText).toContain('ANY (ARRAY(SELECT id FROM next))');
  return { start: started, fetch: fetched, claim: claimed };
}

test('under a held snapshot, a start, a fetch and a claim read the same after 400 runs', async () => {
  await startAndExecute(20);
  await startAndExecute(20);
  // The statistics of the worst time: almost no row is open, so that every index of open rows looks cheap.
  await db.query('analyze');
  await startAndExecute(5);
  const before = await blocksOfEach();

  const snapshot = new pg.Client({ connectionString: url });
  await snapshot.connect();
  try {
    await snapshot.query('begin isolation level repeatable read');
    await snapshot.query('select count(*) from stepbase.runs');
    for (let i = 0; i < 20; i += 1) await startAndExecute(20);
    await db.query('analyze');
    for (let i = 0; i < 3; i += 1) await startAndExecute(5);
    const after = await blocksOfEach();
    // Each of the 400 runs leaves at least one dead entry, and an entry costs a block: half of them would be too many.
    expect(after.start - before.start).toBeLessThan(200);
    expect(after.fetch - before.fetch).toBeLessThan(200);
    expect(after.claim - before.claim).toBeLessThan(200);
  } finally {
    await snapshot.end();
  }
});

test('under a held snapshot, a start reads the same after 300 runs have left the backlog', async () => {
  const before = await blocks(START, ['acme']);
  const snapshot = new pg.Client({ connectionString: url });
  await snapshot.connect();
  try {
    await snapshot.query('begin isolation level repeatable read');
    await snapshot.query('select count(*) from stepbase.runs');
    // Beyond stepbase_engine.max_queued_per_app.
    for (let i = 0; i < 500; i += 1) await start();
    expect(await waiting()).toBe(300);
    for (let left = 500; left > 0; left -= 100) {
      await execute(await fetch());
      await db.query('select * from stepbase_engine.admit()');
    }
    expect(await waiting()).toBe(0);
    for (let i = 0; i < 3; i += 1) await startAndExecute(5);
    expect((await blocks(START, ['acme'])) - before).toBeLessThan(150);
    // A run that waits is behind the start, so the next one waits behind it.
    for (let i = 0; i < 202; i += 1) await start();
    expect(await waiting()).toBe(2);
    for (let i = 0; i < 3; i += 1) {
      await execute(await fetch());
      await db.query('select * from stepbase_engine.admit()');
    }
    expect(await waiting()).toBe(0);
  } finally {
    await snapshot.end();
  }
});

test('the rounds of an empty queue continue behind the last fetched token', async () => {
  for (let i = 0; i < 3; i += 1) await start();
  const last = (await rounds()).at(-1) ?? Number.NaN;
  await execute(await fetch());
  expect(await fetch()).toEqual([]);
  expect(await places()).toMatchObject({ next: last + 1 });
  await start('globex');
  expect(await rounds()).toEqual([last + 1]);
  await execute(await fetch());
});

test('the start follows the rounds if tokens wait whenever the worker looks', async () => {
  for (let i = 0; i < 4; i += 1) {
    await start();
    const [round = Number.NaN] = await rounds();
    await execute(await fetch());
    if (i > 1) expect(await places()).toMatchObject({ start: round });
  }
});

test('a token that a long transaction adds before the start of the queue is delivered', async () => {
  const client = await db.connect();
  try {
    await client.query('begin');
    const late = await start('globex', client);
    for (let i = 0; i < 4; i += 1) await startAndExecute(5);
    await client.query('commit');
    const [round = Number.NaN] = await rounds();
    expect(round).toBeLessThan((await places())?.start ?? Number.NaN);
    await start();
    const tokens = await fetch();
    expect(tokens.map(({ run_id }) => run_id)).toContain(late);
    await execute(tokens);
  } finally {
    client.release();
  }
});

test('apps alternate behind the start, and a new app starts at the front', async () => {
  for (let i = 0; i < 3; i += 1) await start('acme');
  const [front = Number.NaN] = await rounds();
  await start('globex');
  await start('globex');
  expect(await rounds()).toEqual([front, front, front + 1, front + 1, front + 2]);
  // The worker has fetched tokens behind the first one: that one keeps its place, and new apps start there.
  await db.query('select stepbase_engine.move_queue_start($1)', [front + 100]);
  await db.query('select stepbase_engine.move_queue_start($1)', [front + 100]);
  expect(await places()).toEqual({ start: front, next: front + 101 });
  const tokens = await fetch();
  expect(tokens).toHaveLength(5);
  await execute(tokens);
});

test('a leased token that returns goes to the front', async () => {
  await start();
  const tokens = await fetch();
  for (let i = 0; i < 2; i += 1) await start('globex');
  const [front] = await rounds();
  await db.query('select stepbase_engine.return_tokens($1)', [tokens.map(({ job_id }) => job_id)]);
  expect((await rounds()).slice(0, 2)).toEqual([front, front]);
  const all = await fetch();
  expect(all).toHaveLength(3);
  await execute(all);
});

test('before the numbers are used up, an empty queue starts again at 0', async () => {
  await db.query("select setval('stepbase_engine.queue_next', 1500000000)");
  const first = await start();
  expect(await rounds()).toEqual([1_500_000_000]);
  const move = await db.query('select * from stepbase_engine.move_queue_start(null)');
  expect(move.rows).toEqual([{ first_round: 1_500_000_000, next_round: 1_500_000_000 }]);
  const tokens = await fetch();
  expect(tokens.map(({ run_id }) => run_id)).toEqual([first]);
  await execute(tokens);
  expect(await fetch()).toEqual([]);
  expect(await places()).toEqual({ start: 0, next: 0 });
  const second = await start();
  expect(await rounds()).toEqual([0]);
  expect((await fetch()).map(({ run_id }) => run_id)).toEqual([second]);
});
