// The long form of the comparison with the reference interpreter: thousands of random graphs.

import { afterAll, beforeAll, test } from 'vitest';
import { type Shop, startShop } from '../../scripts/fakes/shop.ts';
import { checkRandomGraphs } from '../engine/random-graphs.ts';
import { type TestApp, testApp } from '../engine/support.ts';
import { scaled } from '../support/time.ts';

const LIMIT_MS = 8 * 60_000;

let b: TestApp;
let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
  b = await testApp();
});
afterAll(() => shop?.stop());

test(
  'the engine and the reference interpreter agree on thousands of random graphs',
  async () => {
    await checkRandomGraphs({ b, shop }, { cases: 120, graphs: 25, limitMs: scaled(LIMIT_MS) });
  },
  scaled(LIMIT_MS + 60_000),
);
