// Nothing is lost or doubled when the bridge, the workers or the connection to Temporal go away: random graphs on
// Temporal end as the reference interpreter says, with gapless events, while all of them are killed.

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Shop, startShop } from '../../../scripts/fakes/shop.ts';
import { scaled } from '../../../scripts/test/time.ts';
import { compare, draw, graphOf } from '../../../tests/engine/random-graphs.ts';
import { node, value } from '../../../tests/engine/support.ts';
import { bridgeTest, startBridge } from './support.ts';

const t = bridgeTest();
let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(() => shop?.stop());

const GRAPHS = 16;

test(
  'random graphs end as the reference says while the bridge and the workers are killed',
  async () => {
    const graphs = fc.sample(graphOf, { numRuns: GRAPHS });
    const drawn = graphs.map((graph) => draw(graph, shop));
    const { names, hosted, rehost } = await t.publish(...drawn);
    let bridge = await startBridge(t.env);
    const runs = await Promise.all(names.map((name) => t.start(name)));
    let worker = hosted;
    for (let kill = 0; kill < 3; kill += 1) {
      await bridge.kill();
      bridge = await startBridge(t.env);
      await worker.stop();
      worker = await rehost();
    }
    for (const [at, run] of runs.entries()) {
      const graph = graphs[at];
      if (graph) compare(graph, await t.ended(run));
    }
    expect(await bridge.stop()).toBe(0);
  },
  scaled(240_000),
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
