// Long steps of some apps use the whole capacity of a worker; runs of another app complete meanwhile. Requests are
// held at the test server until the runs of the other app have ended.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ChaosEnvironment, createChaosEnvironment } from '../../scripts/chaos/environment.ts';
import { type HttpServer, serveHttp } from '../../scripts/fakes/http.ts';
import { pool, signedIn, waitFor } from '../support/stack.ts';
import { node, type Run, type TestApp, testApp, value } from './support.ts';

const CONCURRENCY = 8;

let environment: ChaosEnvironment;
let server: HttpServer;
let acme: TestApp;
/** Requests that the server holds, by app. */
const held = new Map<string, (() => void)[]>();

beforeAll(async () => {
  server = await serveHttp(
    ({ query }) =>
      new Promise((resolve) => {
        const waiting = held.get(query.app ?? '') ?? [];
        held.set(query.app ?? '', [...waiting, () => resolve({ body: { ok: true } })]);
      }),
  );
  environment = await createChaosEnvironment({
    workers: 1,
    leaseSeconds: 30,
    env: { STEPBASE_CONCURRENCY: String(CONCURRENCY), STEPBASE_ALLOW_PRIVATE_NETWORK: 'true' },
  });
  acme = await testApp(environment.info);
  await acme.db.query(
    `insert into stepbase.applications (app_code, name, organization_id)
     select 'third', 'Third', organization_id from stepbase.applications where app_code = 'acme'`,
  );
});
afterAll(async () => {
  await environment?.stop();
  await server?.stop();
});

const isHeld = (app: string) => held.get(app)?.length ?? 0;

/** Publishes a workflow of an app in the database and returns its version. */
async function publish(app: string, nodes: ReturnType<typeof node>[]): Promise<string> {
  const { rows } = await pool(environment.info.db_url).query<{ id: string }>(
    `with workflow as (
       insert into stepbase.workflows (app_code, kebab_name, name) values ($1, $2, $2)
       returning id, app_code
     )
     insert into stepbase.workflow_versions (app_code, workflow_id, version, definition)
     select app_code, id, 1, $3 from workflow returning id`,
    [app, `t-${randomUUID()}`, JSON.stringify({ nodes, edges: [] })],
  );
  const version = rows[0]?.id ?? '';
  await acme.db.query(
    `update stepbase.workflow_versions set status = 'published', published_at = now() where id = $1`,
    [version],
  );
  await acme.db.query(
    `update stepbase.workflows w set status = 'published', published_version_id = $1
     from stepbase.workflow_versions v where v.id = $1 and w.id = v.workflow_id`,
    [version],
  );
  return version;
}

async function start(app: string, version: string, runs: number): Promise<string[]> {
  const { rows } = await acme.db.query<{ id: string }>(
    `select (stepbase_engine.start_run($1, $2, '{}')).id from generate_series(1, $3)`,
    [app, version, runs],
  );
  return rows.map(({ id }) => id);
}

const long = (app: string) => node('hold', 'http_request', { url: `${server.url}/?app=${app}` });

test('while two apps with long steps use the capacity, runs of a third one complete', async () => {
  const greedy: string[] = [];
  for (const app of ['acme', 'third']) {
    greedy.push(...(await start(app, await publish(app, [long(app)]), 3 * CONCURRENCY)));
    await waitFor(`steps of ${app} are executed`, async () => isHeld(app) > 0);
  }
  await waitFor(
    'the capacity is used',
    async () => isHeld('acme') + isHeld('third') >= CONCURRENCY,
  );

  const globex = await signedIn('developer@globex', environment.info);
  const quick = await globex
    .rpc('save_workflow', {
      kebab_name: `t-${randomUUID()}`,
      definition: { nodes: [value('a')], edges: [] },
    })
    .single<{ id: string; workflow_id: string }>();
  if (quick.error) throw quick.error;
  const made = await globex.rpc('publish_workflow', { workflow_version_id: quick.data.id });
  if (made.error) throw made.error;
  for (let i = 0; i < 3; i += 1) {
    const { rows } = await acme.db.query<Run>(
      `select * from stepbase_engine.start_run('globex', $1, '{}')`,
      [quick.data.id],
    );
    await waitFor('the run of globex completes', async () => {
      const { data } = await globex.from('runs').select('status').eq('id', rows[0]?.id).single();
      return data?.status === 'completed';
    });
  }
  // No request was answered meanwhile.
  expect(isHeld('acme') + isHeld('third')).toBeGreaterThanOrEqual(CONCURRENCY);

  await waitFor('the long runs complete', async () => {
    for (const app of held.keys()) for (const release of held.get(app)?.splice(0) ?? []) release();
    const { rows } = await acme.db.query(
      `select 1 from stepbase.runs where id = any($1) and status <> 'completed'`,
      [greedy],
    );
    return rows.length === 0;
  });
});
