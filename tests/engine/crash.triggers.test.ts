// Workers are killed while events are emitted and schedules are due: each event and each due time starts exactly one
// run.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Shop, startShop } from '../../scripts/fakes/shop.ts';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import { waitFor } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { node, type TestApp, testApp, value } from './support.ts';

const LIMIT_120_S = scaled(120_000);

const RUNS = 40;
const KILLS = 3;

let stack: Stack;
let shop: Shop;
let b: TestApp;
beforeAll(async () => {
  [stack, shop] = await Promise.all([
    startThrowawayStack({ web: false, functionsEnv: { STEPBASE_LEASE_SECONDS: '1' } }),
    startShop(),
  ]);
  b = await testApp(stack.info);
});
afterAll(async () => {
  await Promise.all([stack?.stop(), shop?.stop()]);
});

async function idOf(workflow: string): Promise<string> {
  const { rows } = await b.db.query<{ id: string }>(
    'select id from stepbase.workflows where kebab_name = $1',
    [workflow],
  );
  return rows[0]?.id ?? '';
}

async function count(where: string, value: unknown): Promise<number> {
  const { rows } = await b.db.query<{ count: number }>(
    `select count(*)::int as count from stepbase.runs where ${where}`,
    [value],
  );
  return rows[0]?.count ?? 0;
}

async function killWorker(): Promise<void> {
  const victim = stack.functions?.worker.pid;
  if (victim === undefined) throw new Error('no worker runs');
  process.kill(victim, 'SIGKILL');
  await waitFor('another worker runs', () => {
    const pid = stack.functions?.worker.pid;
    return pid !== undefined && pid !== victim;
  });
}

test('events and schedules start their runs once although workers are killed meanwhile', {
  timeout: LIMIT_120_S,
}, async () => {
  const emitting = await b.publish(
    [
      node('slow', 'http_request', { url: `${shop.url}/slow?ms={{ input.ms }}` }),
      node('tell', 'emit_event', { name: 'crash.told', payload: { n: '{{ input.n }}' } }),
    ],
    ['slow > tell'],
  );
  const listening = await b.publish([value('n', 'input.event.payload.n')]);
  const nightly = await b.publish([value('done')]);
  // The clock moves by a day while they run.
  await b.db.query(
    'update stepbase.workflows set execution_timeout_seconds = 1e6 where kebab_name = any($1)',
    [[emitting, listening, nightly]],
  );
  const trigger = await b.developer
    .from('workflow_triggers')
    .insert({
      trigger_type: 'event',
      event_name: 'crash.told',
      workflow_id: await idOf(listening),
    })
    .select()
    .single<{ id: string }>();
  expect(trigger.error).toBeNull();
  const schedules = await b.developer.from('workflow_schedules').insert(
    await Promise.all(
      Array.from({ length: 20 }, async () => ({
        workflow_id: await idOf(nightly),
        cron_expression: '0 4 * * *',
      })),
    ),
  );
  expect(schedules.error).toBeNull();
  await waitFor('the schedules have their next time', async () => {
    const { rows } = await b.db.query(
      'select from stepbase.workflow_schedules where next_run_at is null and is_enabled',
    );
    return rows.length === 0;
  });

  const runs = await Promise.all(
    Array.from({ length: RUNS }, (_, n) => b.start(emitting, { n, ms: 300 + 100 * n })),
  );
  for (let kill = 0; kill < KILLS; kill += 1) {
    const told = await count("metadata ->> 'trigger_id' = $1", trigger.data?.id);
    await waitFor(
      'more events have started a run',
      async () => (await count("metadata ->> 'trigger_id' = $1", trigger.data?.id)) > told,
      30_000,
    );
    // Each schedule is due once, while a worker is killed.
    if (kill === 1) await b.advance('1 day');
    await killWorker();
  }

  for (const { id } of runs) await b.ended(id, 50_000);
  await waitFor('every event has started a run', async () => {
    const heard = await count("metadata ->> 'trigger_id' = $1", trigger.data?.id);
    return heard >= RUNS;
  });
  await waitFor('every schedule has run', async () => {
    return (await count('workflow_id = $1', await idOf(nightly))) >= 20;
  });
  const { rows: heard } = await b.db.query<{ id: string; n: number }>(
    `select id, (input #>> '{event,payload,n}')::int as n from stepbase.runs
     where metadata ->> 'trigger_id' = $1`,
    [trigger.data?.id],
  );
  expect(heard.map(({ n }) => n).sort((one, two) => one - two)).toEqual(
    Array.from({ length: RUNS }, (_, n) => n),
  );
  expect(await count('workflow_id = $1', await idOf(nightly))).toBe(20);
  for (const { id } of heard) await b.ended(id);
});
