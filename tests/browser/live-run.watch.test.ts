// A user signs in, starts the approval workflow, watches its nodes change, approves and sees it complete, without
// a reload. A user of another application cannot see the run. The text of a model appears while the model writes it.

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fakes, startFakes } from '../../scripts/fakes/fakes.ts';
import { node as stepOf, testApp } from '../engine/support.ts';
import { scaled } from '../support/time.ts';
import { startStreamingModel } from './streaming-model.ts';
import { openAppPage, openPage, openSignIn, pasteInto, signIn } from './support.ts';

let fakes: Fakes;
/** The shop answers when it resolves: a step runs until the pages have shown it. */
let answer: Promise<void> = Promise.resolve();
beforeAll(async () => {
  fakes = await startFakes({ hold: () => answer });
});
afterAll(() => fakes?.stop());

/** The shop waits with its answers until the returned function is called. */
function holdShop(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  answer = promise;
  return resolve;
}

const node = (page: Page, step: string, status: string) =>
  page.locator(`.step-node[data-step="${step}"][data-status="${status}"]`);

async function startRefund(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Start a run' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('combobox', { name: 'Workflow' }).click();
  await page.getByRole('option', { name: 'Refund approval' }).click();
  // The form begins with the example of the schema.
  await expect
    .poll(() => dialog.getByLabel('Order').first().inputValue(), {
      timeout: 10_000,
    })
    .not.toBe('');
  await dialog.getByText('JSON', { exact: true }).click();
  await pasteInto(
    dialog.getByRole('textbox', { name: 'Input (JSON)' }),
    JSON.stringify({
      shop_url: fakes.shop.url,
      order_id: '1001',
      email: 'customer@example.com',
      webhook_url: `${fakes.webhooks.url}/hooks/refunds`,
    }),
  );
  await dialog.getByRole('button', { name: 'Start', exact: true }).click();
  const alert = dialog.getByRole('alert');
  const refusal = alert.waitFor().then(
    () => alert.textContent(),
    () => null,
  );
  await Promise.race([
    page.waitForURL(/#\/acme\/runs\/[0-9a-f-]{36}$/),
    refusal.then((text) => {
      if (text !== null) throw new Error(`the run was not started: ${text}`);
    }),
  ]);
  return page.url();
}

test('a user watches, approves and completes a run without a reload', async () => {
  const page = await openPage();
  await signIn(page, 'admin@acme');
  await page.evaluate(() => Object.assign(window, { loadedOnce: true }));
  const letAnswer = holdShop();
  const address = await startRefund(page);

  await node(page, 'fetch_order', 'running').waitFor();
  letAnswer();
  await node(page, 'approve_refund', 'waiting').waitFor();
  await node(page, 'fetch_order', 'completed').waitFor();
  await page.getByLabel('Comment').fill('The parcel never came.');

  await page.getByRole('button', { name: 'Approve', exact: true }).click();
  await node(page, 'notify_billing', 'completed').waitFor();
  await page.locator('.run-facts [data-status="completed"]').first().waitFor();
  expect(await page.evaluate(() => 'loadedOnce' in window)).toBe(true);

  // One click shows the details of the step.
  await node(page, 'approve_refund', 'completed').click();
  const panel = page.getByRole('region', { name: 'Step approve_refund' });
  await panel.filter({ hasText: 'The parcel never came.' }).waitFor();

  const stranger = await openPage();
  await signIn(stranger, 'admin@globex');
  const runId = address.slice(-36);
  expect(await stranger.locator(`tr[data-run="${runId}"]`).count()).toBe(0);
  await openAppPage(stranger, `/runs/${runId}`);
  await stranger.getByRole('alert').waitFor();
  expect(await stranger.locator('.step-node').count()).toBe(0);
});

test('the list of runs follows a run without a reload', async () => {
  const watcher = await openPage('dark');
  await signIn(watcher, 'viewer@acme');
  await watcher.locator('tr[data-run]').first().waitFor();

  const page = await openPage('dark');
  await signIn(page, 'developer@acme');
  const letAnswer = holdShop();
  const runId = (await startRefund(page)).slice(-36);
  await watcher.locator(`tr[data-run="${runId}"] [data-status="running"]`).waitFor();
  letAnswer();

  await node(page, 'approve_refund', 'waiting').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Cancel run' }).click();
  await watcher.locator(`tr[data-run="${runId}"] [data-status="cancelled"]`).waitFor();
});

test('a wrong password shows an error, and the user is not signed in', async () => {
  const page = await openSignIn();
  await page.getByLabel('E-mail').fill('viewer@acme.example');
  await page.getByLabel('Password', { exact: true }).fill('not-the-password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();
  expect(await page.getByRole('heading', { name: 'Runs' }).count()).toBe(0);
});

test('the text of a model appears while it writes, also that of an item', async () => {
  const model = await startStreamingModel(
    () => 'Dear reader, this is the answer of the model, word by word.',
  );
  try {
    const b = await testApp();
    const asking = { model: 'm', base_url: model.url, api_key: 'sk-test', stream: true };
    const workflow = await b.publish([
      stepOf('ask', 'llm_call', { ...asking, prompt: 'Write.' }),
      stepOf('each', 'for_each', {
        items: ['first'],
        step: { type: 'llm_call', config: { ...asking, prompt: '{{ item }}' } },
      }),
    ]);
    const { id } = await b.start(workflow);
    await expect.poll(() => model.asked.length, { timeout: scaled(15_000) }).toBe(2);
    const page = await openPage();
    await signIn(page, 'developer@acme', `/runs/${id}?step=ask`);
    await page.locator('[data-live="true"]').waitFor();
    const panel = (step: string) => page.getByRole('region', { name: `Step ${step}` });
    await panel('ask').getByText('attempt 1').waitFor();
    model.begin();
    await panel('ask').getByText('Text so far').waitFor();
    await panel('ask').getByText('Dear reader').waitFor();
    await node(page, 'each', 'waiting')
      .or(node(page, 'each', 'running'))
      .click();
    await panel('each').locator('[data-item="0"] button').click();
    await panel('each').getByText('Dear reader').waitFor();
    model.end();
    await page.locator('.run-facts [data-status="completed"]').waitFor();
    await panel('each').getByText('word by word.').first().waitFor();
    await page.getByText('Text so far').first().waitFor({ state: 'detached' });
  } finally {
    await model.stop();
  }
});
