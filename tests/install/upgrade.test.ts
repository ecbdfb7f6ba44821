// An upgrade with open runs: a database of the previous release, with its worker, gets the new migrations and the new
// functions, and each run ends as it would have. Functions that do not fit the schema take no work and lose none.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type pg from 'pg';
import { describe, expect, test } from 'vitest';
import { VERSION } from '../../functions/_shared/version.ts';
import { currentMigrations, readManifests } from '../../scripts/release/manifest.ts';
import { readSchemaFrom } from '../../scripts/release/places.ts';
import { denoProgram } from '../../scripts/stack/functions.ts';
import { workerUrl } from '../../scripts/stack/functions-env.ts';
import { ROOT } from '../../scripts/stack/options.ts';
import { applySeed } from '../../scripts/stack/seed.ts';
import { createStepbase, VersionError } from '../../sdk/src/index.ts';
import { edges, expectLegalHistory, type Node, node, value } from '../engine/support.ts';
import { type EdgeFunction, startEdgeFunction } from '../hosted/support.ts';
import { atFileEnd } from '../support/file-end.ts';
import { freshDatabase, pool, seedUser, stackInfo, waitFor } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { applyMigrations, bundleOf, treeOf } from './releases.ts';

const manifests = await readManifests(ROOT);
const released = manifests.at(-1);
const MADE_UP = '0.0.9';
const person = seedUser('admin@acme');

/** The version of a schema; the migration of a release writes the same. */
const setVersion = (
  version: string,
  oldest_functions: string,
  oldest_client = oldest_functions,
) => `
  create or replace function stepbase.version() returns jsonb language sql stable set search_path = '' as $$
    select jsonb_build_object(
      'version', '${version}', 'oldest_functions', '${oldest_functions}', 'oldest_client', '${oldest_client}'
    );
  $$;`;

/** A table, a function, and the stored form of steps: what a release may change under open runs. */
const CHANGES = `
  alter table stepbase.step_runs add column upgraded boolean not null default false;
  update stepbase.step_runs set upgraded = true, task = task || '{"format": 2}' where status = 'waiting';
  create or replace function stepbase_engine.max_queued_per_app() returns int language sql immutable
  set search_path = '' as 'select 150';`;

interface World {
  db: pg.Pool;
  /** Runs a statement as a member of acme. */
  as<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
  publish(name: string, nodes: Node[], lines?: string[]): Promise<void>;
  start(name: string): Promise<string>;
  /** '<step> <status> <wait_kind>' of the open steps of a run. */
  isAt(runId: string, ...steps: string[]): Promise<void>;
  ended(runId: string): Promise<void>;
  launch(files: Record<string, string>, name: string): Promise<EdgeFunction>;
}

async function openWorld(url: string): Promise<World> {
  const db = pool(url);
  const as: World['as'] = async <Row extends pg.QueryResultRow>(
    text: string,
    values = [] as unknown[],
  ) => {
    const client = await db.connect();
    try {
      await client.query('begin');
      const claims = { sub: person.id, role: 'authenticated', app_code: person.app_code };
      await client.query(
        "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)",
        [JSON.stringify(claims)],
      );
      const { rows } = await client.query<Row>(text, values);
      await client.query('commit');
      return rows;
    } catch (error) {
      await client.query('rollback');
      throw error;
    } finally {
      client.release();
    }
  };
  const functions: EdgeFunction[] = [];
  const statusOf = async (runId: string) =>
    (await db.query('select status from stepbase.runs where id = $1', [runId])).rows[0]?.status;
  return {
    ...{ db, as },
    async publish(name, nodes, lines = []) {
      const definition = JSON.stringify({ nodes, edges: edges(...lines) });
      const [version] = await as<{ id: string }>(
        'select id from stepbase.save_workflow(kebab_name => $1, definition => $2)',
        [name, definition],
      );
      await as('select stepbase.publish_workflow($1)', [version?.id]);
    },
    async start(name) {
      const [run] = await as<{ id: string }>('select id from stepbase.start_run($1)', [name]);
      return run?.id ?? '';
    },
    async isAt(runId, ...steps) {
      const found = async () => {
        const { rows } = await db.query<{ at: string }>(
          `select concat_ws(' ', s.step_id, s.status, s.wait_kind) as at from stepbase.step_runs s
           where s.run_id = $1 and s.completed_at is null and s.item_index = 0 and s.status <> 'pending'
           order by s.step_id`,
          [runId],
        );
        return rows.map(({ at }) => at).join();
      };
      let last = '';
      await waitFor(`${steps} of ${runId}`, async () => {
        last = await found();
        return last === steps.join();
      }).catch((error: unknown) => {
        throw new Error(`${String(error)}; found ${last}`);
      });
    },
    async ended(runId) {
      const isCompleted = async () => (await statusOf(runId)) === 'completed';
      await waitFor(`the run ${runId} completes`, isCompleted, 30_000).catch(
        async (error: unknown) => {
          const logs = functions.flatMap(({ log }) => log.slice(-3));
          const { rows } = await db.query(
            `select r.status as run, s.step_id, s.attempt, s.status, s.wait_kind, s.wake_at, s.error
           from stepbase.runs r left join stepbase.step_runs s on s.run_id = r.id where r.id = $1`,
            [runId],
          );
          throw new Error(
            [String(error), ...rows.map((row) => JSON.stringify(row)), ...logs].join('\n'),
          );
        },
      );
    },
    async launch(files, name) {
      const started = await startEdgeFunction({
        program: denoProgram(),
        name,
        file: files[name] ?? '',
        info: stackInfo(),
        env: {
          DATABASE_URL: workerUrl(url),
          STEPBASE_WORKER_MODE: 'resident',
          STEPBASE_DB_DIRECT: 'true',
          // The step of a worker that ends is taken over soon.
          STEPBASE_LEASE_SECONDS: '5',
        },
      });
      functions.push(started);
      atFileEnd(() => started.stop());
      return started;
    },
  };
}

/** A server whose first answer to each path is the old world: /flaky fails, /slow never answers. */
async function startServer(): Promise<{ url: string; keys: string[] }> {
  const seen = new Set<string>();
  const keys: string[] = [];
  const server = createServer((request, response) => {
    const isFirst = !seen.has(request.url ?? '');
    seen.add(request.url ?? '');
    keys.push(`${request.url} ${String(request.headers['idempotency-key'])}`);
    if (isFirst && request.url === '/slow') return;
    response.writeHead(isFirst ? 503 : 200, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  atFileEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, keys };
}

/** Within the time limit of a run, an hour, like the half hour by which the test advances the clock. */
const DELAY_MS = 20 * 60_000;

/** Publishes one workflow for each way in which a run can be open. */
async function publishAll(world: World, url: string): Promise<void> {
  const last = value('last', '7');
  const retry = { max_attempts: 3, backoff: 'fixed', delay_ms: DELAY_MS };
  const http = (path: string) => ({ method: 'POST', url: `${url}${path}` });
  await world.publish('timer', [node('wait', 'delay', { ms: DELAY_MS }), last], ['wait > last']);
  await world.publish(
    'task',
    [node('ask', 'wait_for_approval', { title: 'Go on?' }), last],
    ['ask > last : approved'],
  );
  await world.publish(
    'signal',
    [node('hear', 'wait_for_signal', { signal_name: 'go' }), last],
    ['hear > last'],
  );
  await world.publish(
    'parent',
    [node('child', 'child_workflow', { workflow: 'signal' }), last],
    ['child > last'],
  );
  await world.publish(
    'retry',
    [node('call', 'http_request', http('/flaky'), { retry }), last],
    ['call > last'],
  );
  await world.publish(
    'running',
    [node('call', 'http_request', http('/slow'), { retry }), last],
    ['call > last'],
  );
  await world.publish('items', [
    node('each', 'for_each', {
      items: [1, 2],
      step: { type: 'child_workflow', config: { workflow: 'task' } },
    }),
  ]);
  await world.publish('queued', [value('first'), last], ['first > last']);
  await world.as(
    `insert into stepbase.workflow_schedules (app_code, workflow_id, name, cron_expression)
     select 'acme', w.id, 'often', '*/10 * * * *' from stepbase.workflows w where w.kebab_name = 'queued'`,
  );
}

/** Approves the tasks of the run and of the two items. */
const approveAll = (world: World) =>
  world.as(
    `select stepbase.decide_approval(s.id, true) from stepbase.step_runs s
     join stepbase.runs r on r.id = s.run_id join stepbase.workflows w on w.id = r.workflow_id
     where s.status = 'waiting' and s.wait_kind = 'task' and w.kebab_name = 'task'`,
  );

const jobs = async ({ db }: World) =>
  (await db.query('select id, state from stepbase_queue.job order by id')).rows;

const releases = [
  {
    from: `a made-up ${MADE_UP}`,
    async database() {
      const database = await freshDatabase({ seed: true });
      await pool(database.url).query(setVersion(MADE_UP, '0.0.1'));
      return database;
    },
    functions: () => bundleOf(ROOT, MADE_UP),
    isOlder: true,
    async upgrade(url: string) {
      const names = (await currentMigrations(ROOT)).map(({ name }) => name);
      await applyMigrations(url, names, {
        '20990101000000_changes.sql': CHANGES,
        '20990101000001_version.sql': setVersion(VERSION, '0.0.1'),
      });
    },
  },
  ...(released === undefined
    ? []
    : [
        {
          from: released.version,
          async database() {
            const database = await freshDatabase({ empty: true });
            await applyMigrations(
              database.url,
              released.migrations.map(({ name }) => name),
            );
            await applySeed(database.url);
            return database;
          },
          functions: () => bundleOf(treeOf(released)),
          isOlder: false,
          async upgrade(url: string) {
            await applyMigrations(
              url,
              (await currentMigrations(ROOT)).map(({ name }) => name),
            );
          },
        },
      ]),
];

describe.each(releases)('from $from', ({ database, functions, isOlder, upgrade }) => {
  test('all open runs complete', { timeout: scaled(240_000) }, async () => {
    const [{ url }, before, now, server] = await Promise.all([
      database(),
      functions(),
      bundleOf(ROOT),
      startServer(),
    ]);
    const world = await openWorld(url);
    await publishAll(world, server.url);
    const oldWorker = await world.launch(before, 'stepbase-worker');

    const open: Record<string, string> = {};
    for (const name of ['timer', 'task', 'signal', 'parent', 'retry', 'running', 'items']) {
      open[name] = await world.start(name);
    }
    const run = (name: string) => open[name] ?? '';
    await Promise.all([
      world.isAt(run('timer'), 'wait waiting delay'),
      world.isAt(run('task'), 'ask waiting task'),
      world.isAt(run('signal'), 'hear waiting signal'),
      world.isAt(run('parent'), 'child waiting child'),
      world.isAt(run('retry'), 'call waiting retry'),
      world.isAt(run('running'), 'call running'),
      world.isAt(run('items'), 'each waiting items'),
    ]);
    await waitFor('all tasks are open', async () => {
      const { rows } = await world.db.query(
        "select from stepbase.step_runs where status = 'waiting' and wait_kind = 'task'",
      );
      return rows.length >= 3;
    });
    await waitFor('the slow call arrives', () =>
      server.keys.some((key) => key.startsWith('/slow')),
    );

    // The new functions come before the migrations: they refuse, and take nothing from the old worker.
    const [newWorker, newApi] = await Promise.all([
      world.launch(now, 'stepbase-worker'),
      world.launch(now, 'stepbase-api'),
    ]);
    // The old worker ends without a chance to return its step.
    await oldWorker.stop();
    for (const name of ['queued 1', 'queued 2']) open[name] = await world.start('queued');
    if (isOlder) await expectRefusal(world, newWorker, newApi);

    await upgrade(url);

    // They work without a restart.
    await Promise.all([world.ended(run('queued 1')), world.ended(run('queued 2'))]);
    expect((await fetch(`${newWorker.url}/readyz`)).status).toBe(200);
    await approveAll(world);
    await world.as("select stepbase.send_signal($1, 'go')", [run('signal')]);
    const [child] = await world.as<{ id: string }>(
      'select id from stepbase.runs where parent_run_id = $1',
      [run('parent')],
    );
    await world.as("select stepbase.send_signal($1, 'go')", [child?.id]);
    await world.db.query("select stepbase_engine.advance_clock('30 minutes')");
    await world.db.query("notify stepbase, 'due'");
    await Promise.all(Object.values(open).map((id) => world.ended(id)));
    const scheduled = await waitFor('a scheduled run', async () => {
      const { rows } = await world.db.query<{ id: string }>(
        "select id from stepbase.runs where trigger_type = 'schedule' and status = 'completed'",
      );
      return rows[0]?.id;
    });
    await expectLegalHistory(world.db, scheduled, child?.id ?? '', ...Object.values(open));
    // The interrupted call was repeated with its key, as after a crash of any worker.
    const slow = server.keys.filter((key) => key.startsWith('/slow'));
    expect([slow.length, new Set(slow).size]).toEqual([2, 1]);

    // A rolling deployment: workers of the previous release still work with the schema of this one.
    await newWorker.stop();
    const oldAgain = await world.launch(before, 'stepbase-worker');
    await world.ended(await world.start('queued'));
    if (isOlder) await expectBreak(world, before, oldAgain);
  });
});

async function expectRefusal(world: World, worker: EdgeFunction, api: EdgeFunction) {
  const { secret_key: apikey } = stackInfo();
  const waiting = await jobs(world);
  expect(waiting.length).toBeGreaterThanOrEqual(3);
  const [made] = await world.as<{ key: string }>(
    "select to_jsonb(stepbase.create_api_key('upgrade')) ->> 'key' as key",
  );
  const stepbase = createStepbase({ url: api.url, apiKey: made?.key ?? '' });
  const refused = await stepbase.start('queued').catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(VersionError);
  expect(refused).toMatchObject({
    code: 'schema_too_old',
    status: 503,
    details: {
      schema_version: MADE_UP,
      functions_version: VERSION,
      needed_schema_version: await readSchemaFrom(ROOT),
    },
  });
  expect(String(refused)).toContain('Apply the migrations');
  const called = await fetch(worker.url, { method: 'POST', headers: { apikey } });
  expect([called.status, await called.json()]).toMatchObject([503, { code: 'schema_too_old' }]);
  for (const { url } of [worker, api]) {
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([
      503,
      { status: 'failed', versions: { functions: VERSION, schema: MADE_UP } },
    ]);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  }
  const health = await fetch(`${api.url}/healthz`);
  expect(health.headers.get('stepbase-version')).toBe(VERSION);
  const { rows } = await world.db.query(
    "select error_message from stepbase.workers where status = 'error' and version = $1",
    [VERSION],
  );
  expect(rows[0]?.error_message).toContain(`The database has version ${MADE_UP}`);
  expect(await jobs(world)).toEqual(waiting);
  expect(worker.log.filter((line) => line.includes('"level":"error"'))).toHaveLength(1);
}

/** A later release ends the work of older functions and clients. */
async function expectBreak(world: World, files: Record<string, string>, worker: EdgeFunction) {
  const api = await world.launch(files, 'stepbase-api');
  const info = (version: string) => ({ 'x-client-info': `stepbase/${version}` });
  const me = (version: string) => fetch(`${api.url}/v1/me`, { headers: info(version) });
  expect((await me('0.0.1')).status).toBe(401);
  const old = await me('0.0.0');
  expect([old.status, await old.json()]).toMatchObject([
    426,
    { code: 'client_too_old', client_version: '0.0.0', oldest_client: '0.0.1' },
  ]);
  await world.db.query(setVersion('1.0.0', '0.1.0'));
  // A probe asks at once; without one, the functions notice within a minute.
  for (const { url } of [api, worker]) expect((await fetch(`${url}/readyz`)).status).toBe(503);
  const late = await me('0.1.0');
  expect([late.status, await late.json()]).toMatchObject([
    503,
    { code: 'schema_too_new', functions_version: MADE_UP, oldest_functions: '0.1.0' },
  ]);
}
