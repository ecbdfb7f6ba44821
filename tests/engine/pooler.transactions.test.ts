// Every statement of the worker and the API works through a pooler in transaction mode: a minimal one that records
// statements that need a session, and PgBouncer itself if it is installed.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChaosEnvironment, createChaosEnvironment } from '../../scripts/chaos/environment.ts';
import { type Shop, startShop } from '../../scripts/fakes/shop.ts';
import { hasPgBouncer, startPgBouncer } from '../support/pgbouncer.ts';
import { startTransactionPooler, type TransactionPooler } from '../support/transaction-pooler.ts';
import { FEATURES, type FeatureContext } from './features.ts';
import { testApp } from './support.ts';

const env = { STEPBASE_DB_DIRECT: 'false', STEPBASE_DB_POOL: '4' };

function everyFeature(
  between: (url: string) => Promise<{ url: string; stop(): Promise<unknown> }>,
): void {
  let environment: ChaosEnvironment;
  let shop: Shop;
  let context: FeatureContext;

  beforeAll(async () => {
    shop = await startShop();
    environment = await createChaosEnvironment({ workers: 1, leaseSeconds: 5, env, between });
    context = {
      b: await testApp(environment.info),
      api: await environment.startApi(),
      shop: shop.url,
    };
  });
  afterAll(async () => {
    await environment?.stop();
    await shop?.stop();
  });

  describe.concurrent('this feature works', () => {
    for (const [name, feature] of Object.entries(FEATURES)) test(name, () => feature(context));
  });
}

describe('through a pooler in transaction mode', () => {
  let pooler: TransactionPooler | undefined;
  everyFeature(async (url) => {
    pooler = await startTransactionPooler(url);
    return pooler;
  });

  test('no statement of the worker or the API needs a session', () => {
    expect(pooler?.violations).toEqual([]);
    expect(pooler?.carried.every((count) => count > 0)).toBe(true);
  });
});

if (hasPgBouncer) describe('through PgBouncer', () => everyFeature(startPgBouncer));
