import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { createTestKit, httpOutput, type TestKit } from 'stepbase-test';
import { documentIngestion } from '../stepbase/workflows/document-ingestion.ts';
import { type Model, startModel } from './model.ts';

let kit: TestKit;
let model: Model;
before(async () => {
  [kit, model] = await Promise.all([createTestKit(), startModel()]);
});
beforeEach(() => kit.reset());
after(async () => {
  model.close();
  await kit.close();
});

/** Ingests a document with this text until the run has nothing to do. */
async function ingest(text: string) {
  const workflow = await kit.workflow(documentIngestion);
  kit.mock('fetch', () => httpOutput(text));
  kit.mock('extract', (call) => model.ask(call));
  kit.mock('store', ({ config }) => config.arguments);
  const input = { document_id: 'D-1', url: 'https://files.example/d-1', model: model.name };
  return await (await workflow.start(input)).settled();
}

test('what the model reads is stored', async () => {
  const run = await ingest('Paper Ltd\nInvoice 2026-17\nTotal 120.50');
  assert.deepEqual(run.path(), ['fetch', 'extract', 'sure', 'store']);
  const stored = kit.calls('store')[0]?.config.arguments as { invoice: { total: number } };
  assert.equal(stored.invoice.total, 120.5);
});

test('a person corrects what the model is not sure of', async () => {
  const run = await ingest('Paper Ltd\nInvoice 2026-18\nTotal ???');
  assert.deepEqual(run.waitsFor(), ['task check']);
  const answers = { supplier: 'Paper Ltd', number: '2026-18', total: 99 };
  await run.task('check').complete(answers, { as: 'developer' });
  assert.deepEqual(kit.calls('store')[0]?.config.arguments, {
    document_id: 'D-1',
    invoice: answers,
  });
});
