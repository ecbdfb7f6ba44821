// Nothing is lost or doubled when the bridge, the workers or the connection to Temporal go away: random graphs on
// Temporal end as the reference interpreter says, with gapless events, while all of them are killed.

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Shop, startShop } from '../../../scripts/fakes/shop.ts';
import { scaled } from '../../../scripts/test/time.ts';
import {
  compare,
  compareOrder,
  draw,
  explained,
  type Graph,
  graphOf,
  orderOf,
  plain,
} from '../../../tests/engine/random-graphs.ts';
import { node, type Run, value } from '../../../tests/engine/support.ts';
import { waitFor } from '../../../tests/support/stack.ts';
import { bridgeTest, startBridge } from './support.ts';

const t = bridgeTest();
let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(() => shop?.stop());

const ROUNDS = 3;
const GRAPHS = 8;

/** An attempt whose worker was killed is sent again, so a receiver that counts its failures would count one too many. */
const withoutFlaky = ({ steps, edges }: Graph): Graph => ({
  steps: steps.map((step) => (step.kind === 'flaky' ? { ...step, n: 0 } : step)),
  edges,
});

/** Resolves when a step of one of the runs has ended, or all runs have. */
async function progresses(runs: readonly Run[]): Promise<void> {
  const ids = runs.map(({ id }) => id);
  await waitFor(
    'a step ends',
    async () => {
      const { rows } = await t.app.db.query<{ moved: boolean }>(
        `select exists (
           select 1 from stepbase.step_runs s where s.run_id = any($1) and s.completed_at is not null
         ) or not exists (
           select 1 from stepbase.runs r where r.id = any($1) and r.completed_at is null
         ) as moved`,
        [ids],
      );
      return rows[0]?.moved;
    },
    60_000,
  );
}

test(
  'random graphs end on both engines as the reference says, while workers and bridge are killed',
  async () => {
    const graphs = fc.sample(graphOf, { numRuns: ROUNDS * GRAPHS }).map(withoutFlaky);
    const drawn = graphs.map((graph) => draw(graph, shop));
    const { names, startWorkers } = await t.publishOnly(...drawn);
    const others = graphs.map((graph) => draw(graph, shop));
    const alike = await Promise.all(others.map((of) => t.app.publish(of.nodes, of.lines)));
    let [bridge, workers] = await Promise.all([startBridge(t.env), startWorkers()]);
    const runs: Run[] = [];
    const local: Run[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const at = round * GRAPHS;
      const some = await Promise.all(names.slice(at, at + GRAPHS).map((name) => t.start(name)));
      runs.push(...some);
      local.push(...(await Promise.all(alike.slice(at, at + GRAPHS).map((name) => t.start(name)))));
      await progresses(some);
      await Promise.all([workers.kill(), bridge.kill()]);
      [bridge, workers] = await Promise.all([startBridge(t.env), startWorkers()]);
    }
    for (const [at, graph] of graphs.entries()) {
      const ended = [];
      for (const one of [runs[at], local[at]]) {
        if (one === undefined) throw new Error('a run did not start');
        const end = await t.ended(one);
        const events = await orderOf(t.app, one.id);
        explained(graph, () => {
          compare(graph, end);
          compareOrder(graph, events);
        });
        ended.push(end);
      }
      const [temporal, postgres] = ended;
      expect(temporal?.run.status).toBe(postgres?.run.status);
      // Which of several failures ends a run first, and what runs beside it, is up to the race on both engines.
      if (postgres?.run.status !== 'completed') continue;
      expect(temporal?.statuses).toEqual(postgres.statuses);
      const outputs = ended.map(({ run }) => plain(run.output as Record<string, unknown>));
      expect(outputs[0]).toEqual(outputs[1]);
    }
    expect(await workers.stop()).toBe(0);
    expect(await bridge.stop()).toBe(0);
  },
  scaled(400_000),
);

test('what is decided while Temporal cannot be reached arrives afterwards, and two bridges apply each event once', async () => {
  const { names } = await t.publish({
    nodes: [node('ask', 'wait_for_approval', { title: 'Go?' }), value('last', '"done"')],
    lines: ['ask > last : approved'],
  });
  const bridges = await Promise.all([startBridge(t.env), startBridge(t.env)]);
  const started = await t.start(names[0] ?? '');
  const task = await t.app.stepIs(started.id, 'ask', 'waiting');
  t.wire.cut();
  const { error } = await t.app.admin.rpc('decide_approval', {
    step_run_id: task.id,
    approved: true,
  });
  expect(error).toBeNull();
  await t.app.stepIs(started.id, 'last', 'ready');
  t.wire.mend();
  const { run } = await t.ended(started);
  expect(run).toMatchObject({ status: 'completed', output: { last: 'done' } });
  expect(await Promise.all(bridges.map((bridge) => bridge.stop()))).toEqual([0, 0]);
});
