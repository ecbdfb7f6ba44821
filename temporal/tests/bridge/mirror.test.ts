// The bridge against a stand-in of Temporal: each event counts once when answers of the database are lost, executions
// that continue as new are followed in their order, and commands wait while Temporal is away.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDb } from '../../../functions/_shared/db/pool.ts';
import { createLog } from '../../../functions/_shared/log/log.ts';
import { workerUrl } from '../../../scripts/stack/functions-env.ts';
import type { Stack } from '../../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../../scripts/stack/throwaway.ts';
import { node, type TestApp, testApp, value } from '../../../tests/engine/support.ts';
import { createDeliverer } from '../../bridge/deliverer.ts';
import { createFollower } from '../../bridge/follower.ts';
import { createStore, type Store } from '../../bridge/store.ts';
import { type FakeTemporal, type FakeWorkflow, fakeTemporal } from './fake-temporal.ts';

let stack: Stack;
let app: TestApp;
let store: Store;
beforeAll(async () => {
  stack = await startThrowawayStack({ functions: false, web: false });
  process.env.STEPBASE_TEST_STACK = stack.infoPath;
  app = await testApp(stack.info);
  store = createStore(
    openDb({
      connectionString: workerUrl(stack.info.db_url),
      max: 4,
      applicationName: 'test-bridge',
      direct: true,
    }),
  );
});
afterAll(async () => {
  await store?.close();
  await stack?.stop();
  delete process.env.STEPBASE_TEST_STACK;
});

const first = { item: 0, attempt: 1 };

/** value, approval, activity: it continues as new before it waits for the person. */
const chain = {
  onStart(workflow: FakeWorkflow) {
    workflow.task(() => workflow.local({ kind: 'completed', node: 'a', ...first, output: 1 }));
    workflow.task(() => workflow.continueAsNew());
    workflow.task(() =>
      workflow.local({
        kind: 'waiting',
        node: 'ask',
        ...first,
        wait: { kind: 'task', task: { title: 'Go?' } },
      }),
    );
  },
  onCommand(workflow: FakeWorkflow, { kind }: { kind: string }) {
    if (kind !== 'resolve') return;
    let activity = 0;
    workflow.task(() => {
      activity = workflow.schedule('z');
    });
    workflow.finish(activity, 'end');
    workflow.task(() => workflow.complete());
  },
};

/** A bridge without its process; `of` may be a store that loses answers. */
function bridge(cluster: FakeTemporal, of: Store) {
  const log = createLog({ level: 'error' });
  const follower = createFollower({ cluster, store: of, log, maxReads: 2 });
  const deliverer = createDeliverer({
    cluster,
    store: of,
    follower,
    log,
    namespace: 'stepbase-{app}',
  });
  // The runs of the bridge before.
  void follower.load();
  let isStopped = false;
  const delivering = (async () => {
    while (!isStopped) {
      await deliverer.deliver().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  return {
    async stop() {
      isStopped = true;
      await delivering;
      await follower.stop();
    },
  };
}

async function publish(): Promise<string> {
  const name = await app.publish(
    [value('a'), node('ask', 'wait_for_approval', { title: 'Go?' }), value('z')],
    ['a > ask', 'ask > z : approved'],
  );
  await app.db.query(
    `with w as (
       update stepbase.workflows set execution_engine = 'temporal' where kebab_name = $1
       returning app_code, published_version_id
     )
     insert into stepbase.workflow_compilations (
       app_code, workflow_version_id, workflow_code, activities_code, worker_code, package_json, tsconfig_json,
       temporal_workflow_type
     )
     select app_code, published_version_id, '', '', '', '', '', 'chain' from w`,
    [name],
  );
  return name;
}

async function approve(runId: string): Promise<void> {
  const task = await app.stepIs(runId, 'ask', 'waiting');
  const { error } = await app.admin.rpc('decide_approval', {
    step_run_id: task.id,
    approved: true,
  });
  expect(error).toBeNull();
}

/** Every second call is committed and its answer lost. */
function losingAnswers(of: Store): Store {
  let calls = 0;
  const lose = async <T>(call: Promise<T>): Promise<T> => {
    const answer = await call;
    calls += 1;
    if (calls % 2 === 1) throw new Error('Connection terminated unexpectedly');
    return answer;
  };
  return {
    ...of,
    mirror: (batch) => lose(of.mirror(batch)),
    confirm: (ids) => lose(of.confirm(ids)),
  };
}

test('each event counts once when the answers of the database are lost', async () => {
  const cluster = fakeTemporal(chain);
  const running = bridge(cluster, losingAnswers(store));
  const { id } = await app.start(await publish());
  await approve(id);
  const { run, all } = await app.ended(id);
  expect(run).toMatchObject({ status: 'completed', output: { z: 'end' }, context: { a: 1 } });
  expect(all.map(({ step_id: step, status }) => [step, status])).toEqual([
    ['a', 'completed'],
    ['ask', 'completed'],
    ['z', 'completed'],
  ]);
  expect(cluster.workflows.get(id)?.executions).toHaveLength(2);
  await running.stop();
});

test('starts and decisions wait while Temporal is unavailable, and another bridge continues', async () => {
  const cluster = fakeTemporal(chain);
  cluster.isAway = true;
  const one = bridge(cluster, store);
  const { id } = await app.start(await publish());
  await app.stepIs(id, 'a', 'ready');
  const explained = await app.developer.rpc('explain_run', { run_id: id });
  expect(JSON.stringify(explained.data)).toContain('temporal_queued');
  cluster.isAway = false;
  await app.stepIs(id, 'ask', 'waiting');
  cluster.isAway = true;
  await approve(id);
  await one.stop();
  cluster.isAway = false;
  const two = bridge(cluster, store);
  const { run } = await app.ended(id, 45_000);
  expect(run.status).toBe('completed');
  expect(cluster.workflows.get(id)?.commands.map(({ kind }) => kind)).toContain('resolve');
  await two.stop();
});
