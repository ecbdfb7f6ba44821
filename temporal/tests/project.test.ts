// A compiled project as users run it: `npm start` in its folder. Its worker is killed in the middle of a step, and another
// one continues. Members see both among the workers of their application.

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compileWorkflow, typesOf } from '../../functions/_shared/compile/index.ts';
import { VERSION } from '../../functions/_shared/version.ts';
import { buildLibrary } from '../../scripts/compile/library.ts';
import { writeProject } from '../../scripts/compile/write.ts';
import { type Shop, startShop } from '../../scripts/fakes/shop.ts';
import { workerUrl } from '../../scripts/stack/functions-env.ts';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import { node, value } from '../../tests/engine/support.ts';
import { pool, signedIn, waitFor } from '../../tests/support/stack.ts';
import { type RunningProcess, startProcess, WORK_FOLDER } from '../processes.ts';
import { factsOf, textOf } from './history.ts';
import { NO_DATABASE, taskQueue, workflowType } from './host.ts';
import { endsOf, temporal, version } from './support.ts';

const t = temporal();
let shop: Shop;
let folder = '';
let stack: Stack;
const workers: RunningProcess[] = [];

beforeAll(async () => {
  [shop, stack] = await Promise.all([
    startShop(),
    startThrowawayStack({ functions: false, web: false }),
  ]);
  process.env.STEPBASE_TEST_STACK = stack.infoPath;
  await mkdir(WORK_FOLDER, { recursive: true });
  folder = await mkdtemp(join(WORK_FOLDER, 'project-'));
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.kill()));
  await shop?.stop();
  await stack?.stop();
  delete process.env.STEPBASE_TEST_STACK;
  await rm(folder, { recursive: true, force: true });
});

async function startWorker(): Promise<RunningProcess> {
  const worker = await startProcess('src/worker.ts', {
    cwd: folder,
    env: {
      ...NO_DATABASE,
      LOG_LEVEL: 'info',
      DATABASE_URL: workerUrl(stack.info.db_url),
      STEPBASE_PROJECT: 'Orders',
      TEMPORAL_ADDRESS: t.address,
      STEPBASE_SECRET_ACME__TOKEN: 'secret-of-acme',
    },
    logFile: join(folder, 'worker.log'),
    ready: 'the worker takes tasks',
  });
  workers.push(worker);
  return worker;
}

/** The workers of the application as its members see them, the first one first. */
async function presentWorkers() {
  const member = await signedIn('developer@acme', stack.info);
  const { data, error } = await member
    .from('workers')
    .select('status, task_queue_name, version, concurrency, app_code, projects(name)')
    .eq('app_code', 'acme')
    .order('started_at');
  if (error) throw new Error(error.message);
  return data;
}

test('another worker continues a run whose worker was killed, and no step is lost or doubled', async () => {
  const slow = node('slow', 'http_request', {
    method: 'POST',
    url: `${shop.url}/slow/{{ input.name }}?ms={{ input.ms }}`,
    headers: { authorization: 'Bearer {{ secrets.token }}' },
    body: { sum: '{{ steps.first.output }}' },
  });
  const of = version(
    [value('first', '1 + 1'), slow, value('last', 'steps.slow.output.status')],
    ['first > slow', 'slow > last'],
  );
  await writeProject(folder, compileWorkflow(of, await buildLibrary(typesOf(of))).files);
  await pool(stack.info.db_url).query(
    "insert into stepbase.projects (app_code, name) values ('acme', 'Orders')",
  );
  const worker = await startWorker();
  const run = await t.start(of, { name: 'killed', ms: 3_000 });
  const { headers, body } = await shop.requests.waitFor(
    ({ path }) => path === '/slow/killed',
    60_000,
  );
  expect(body).toEqual({ sum: 2 });
  expect(headers.authorization).toBe('Bearer secret-of-acme');
  await worker.kill();
  const next = await startWorker();
  await run.handle.result();
  expect(endsOf(await run.progress()).last).toMatchObject({ output: 200 });
  const facts = await factsOf(run.handle);
  expect(facts.map(({ node, attempt, kind }) => [node, attempt, kind])).toEqual([
    ['first', 1, 'completed'],
    ['slow', 1, 'scheduled'],
    ['slow', 1, 'completed'],
    ['last', 1, 'completed'],
  ]);
  // The receiver gets the repeated request with the same key.
  const sent = shop.requests.all.filter(({ path }) => path === '/slow/killed');
  expect(sent).toHaveLength(2);
  expect(sent[0]?.headers['idempotency-key']).toBe(`${run.id}:slow:0`);
  expect(sent[1]?.headers['idempotency-key']).toBe(`${run.id}:slow:0`);
  // No payload contains the secret.
  const { events } = await run.handle.fetchHistory();
  const history = textOf(events);
  expect(history).not.toContain('secret-of-acme');
  expect(history).toContain('secrets.token');
  const present = {
    ...{ status: 'running', version: VERSION, concurrency: 100, projects: { name: 'Orders' } },
    task_queue_name: taskQueue('acme', workflowType(of.kebab_name, of.version)),
  };
  await waitFor('both workers are seen', async () => (await presentWorkers()).length === 2);
  // Maintenance marks the killed one as lost when it has been silent.
  expect(await presentWorkers()).toMatchObject([present, present]);
  expect(await next.stop()).toBe(0);
  expect(await presentWorkers()).toMatchObject([present, { ...present, status: 'stopped' }]);
});
