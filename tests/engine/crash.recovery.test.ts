// A worker dies in the middle of its runs: another finishes them, and no step is completed twice.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import { startWorld, type World } from '../../scripts/world/world.ts';
import { waitFor } from '../support/stack.ts';
import { type Bench, bench, node, value } from './support.ts';

const RUNS = 20;

let stack: Stack;
let world: World;
let b: Bench;

beforeAll(async () => {
  [stack, world] = await Promise.all([
    startThrowawayStack({ web: false, functionsEnv: { STEPBASE_LEASE_SECONDS: '1' } }),
    startWorld({ latencyMs: 150 }),
  ]);
  b = await bench(stack.info);
});

afterAll(async () => {
  await Promise.all([stack?.stop(), world?.stop()]);
});

async function completedSteps(runIds: string[]): Promise<number> {
  const { rows } = await b.db.query<{ count: number }>(
    `select count(*)::int as count from public.step_runs where run_id = any($1) and status = 'completed'`,
    [runIds],
  );
  return rows[0]?.count ?? 0;
}

test('a worker killed with SIGKILL in the middle of runs costs none of them', async () => {
  const fetch = (id: string) =>
    node(id, 'http_request', { method: 'GET', url: '{{ input.shop_url }}/orders/1001' });
  const workflow = await b.publish(
    [value('first'), fetch('left'), fetch('right'), fetch('last'), value('end')],
    ['first > left', 'first > right', 'left > last', 'right > last', 'last > end'],
  );
  const runs = await Promise.all(
    Array.from({ length: RUNS }, () => b.start(workflow, { shop_url: world.shop.url })),
  );
  const ids = runs.map((run) => run.id);

  // In the middle: some steps are done, no run is.
  await waitFor('steps are done', async () => (await completedSteps(ids)) >= RUNS / 2);
  const victim = stack.functions?.worker.pid;
  if (victim === undefined) throw new Error('no worker runs');
  process.kill(victim, 'SIGKILL');

  const ended = await Promise.all(ids.map((id) => b.ended(id, 45_000)));
  for (const { run, statuses } of ended) {
    expect(run.status).toBe('completed');
    expect(new Set(Object.values(statuses))).toEqual(new Set(['completed']));
  }
  expect(stack.functions?.worker.pid).not.toBe(victim);

  const twice = await b.db.query(
    `select run_id, step_id from public.run_events
     where run_id = any($1) and event_type = 'step.completed'
     group by run_id, step_id, item_index having count(*) > 1`,
    [ids],
  );
  expect(twice.rows).toEqual([]);
  // It was really hit: some step was claimed by a second worker.
  const taken = await b.db.query<{ count: number }>(
    'select count(*)::int as count from public.step_runs where run_id = any($1) and claim > 1',
    [ids],
  );
  expect(taken.rows[0]?.count).toBeGreaterThan(0);
});
