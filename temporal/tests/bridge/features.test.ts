// Every feature of the engine, in Temporal: what the tests of other databases and versions check, with workflows that
// execute as compiled code. Clients, the API and the rows are the same.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Shop, startShop } from '../../../scripts/fakes/shop.ts';
import { FEATURES } from '../../../tests/engine/features.ts';
import type { TestApp } from '../../../tests/engine/support.ts';
import type { RunningProcess } from '../../processes.ts';
import { bridgeTest, startBridge } from './support.ts';

/** A busy machine needs it: the code of each workflow is bundled first. */
const DEADLINE_MS = 120_000;

const t = bridgeTest();
let bridge: RunningProcess;
let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
  bridge = await startBridge(t.env);
});
afterAll(async () => {
  expect(await bridge.stop()).toBe(0);
  await shop.stop();
});

/** As on the workers of Stepbase, but what it publishes executes in Temporal. */
const inTemporal = (): TestApp => {
  const app: TestApp = {
    ...t.app,
    async publish(nodes, lines = [], more = {}) {
      const { names } = await t.publish({ nodes, lines, more });
      return names[0] ?? '';
    },
    async ended(id) {
      const ended = await t.app.ended(id, DEADLINE_MS);
      expect(ended.run.execution_engine).toBe('temporal');
      return ended;
    },
    stepIs: (id, step, status) => t.app.stepIs(id, step, status, DEADLINE_MS),
    async run(nodes, lines = [], input = {}) {
      const { id } = await app.start(await app.publish(nodes, lines), input);
      return await app.ended(id);
    },
  };
  return app;
};

test.each(Object.entries(FEATURES))('%s', async (_name, feature) => {
  await feature({
    b: inTemporal(),
    api: t.info.functions.api,
    shop: shop.url,
  });
});
