// The short form of the comparison with the reference interpreter; tests/long has the long one.

import { afterAll, beforeAll, test } from 'vitest';
import { type Shop, startShop } from '../../scripts/fakes/shop.ts';
import { scaled } from '../support/time.ts';
import { checkRandomGraphs } from './random-graphs.ts';
import { type TestApp, testApp } from './support.ts';

const LIMIT_MS = 50_000;

let b: TestApp;
let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
  b = await testApp();
});
afterAll(() => shop?.stop());

test(
  'the engine and the reference interpreter agree on random graphs',
  async () => {
    await checkRandomGraphs({ b, shop }, { cases: 8, graphs: 20, limitMs: scaled(LIMIT_MS) });
  },
  scaled(LIMIT_MS + 40_000),
);
