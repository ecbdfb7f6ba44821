import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { createTestKit, failure, httpOutput, type TestKit } from 'stepbase-test';
import { nightlySync, type Product, syncPage } from '../stepbase/workflows/nightly-sync.ts';

const source_url = 'https://catalogue.example/products';
const PAGES = 6;
/** Two products on each page. */
const productsOf = (page: number): Product[] =>
  [1, 2].map((n) => ({ sku: `P-${page}-${n}`, name: `Product ${n}`, price: n }));

let kit: TestKit;
before(async () => {
  kit = await createTestKit();
});
after(() => kit.close());
beforeEach(async () => {
  await kit.reset();
  await kit.workflow(syncPage);
  kit.mock('first', () => httpOutput({ pages: PAGES }));
  kit.mock<{ query: { page: number } }>('fetch', ({ config }) =>
    httpOutput({ products: productsOf(config.query.page) }),
  );
  kit.mock<{ arguments: { products: Product[] } }>(
    'upsert',
    ({ config }) => config.arguments.products.length,
  );
});

test('every page is fetched and written once', async () => {
  const workflow = await kit.workflow(nightlySync);
  const run = await (await workflow.start({ source_url })).ended();
  assert.deepEqual(run.result(), { report: { products: 2 * PAGES, failed: 0 } });
  const written = kit
    .calls('upsert')
    .flatMap(({ config }) => (config.arguments as { products: Product[] }).products);
  assert.equal(new Set(written.map(({ sku }) => sku)).size, 2 * PAGES);
  assert.equal(written.length, 2 * PAGES);
});

test('a page that cannot be read does not stop the others', async () => {
  const workflow = await kit.workflow(nightlySync);
  kit.mock<{ query: { page: number } }>('fetch', ({ config }) =>
    config.query.page === 3
      ? failure('http_status', 'gone')
      : httpOutput({ products: productsOf(config.query.page) }),
  );
  const run = await (await workflow.start({ source_url })).ended();
  assert.deepEqual(run.result(), { report: { products: 2 * (PAGES - 1), failed: 1 } });
});

test('a schedule starts a run each night', async () => {
  await kit.workflow(nightlySync);
  const input = { source_url };
  await kit.schedule('nightly-sync', {
    cron_expression: '0 3 * * *',
    timezone: 'Europe/Berlin',
    input,
  });
  await kit.skip('2 days');
  const runs = await kit.runs('nightly-sync');
  assert.deepEqual(
    runs.map(({ status }) => status),
    ['completed', 'completed'],
  );
});
