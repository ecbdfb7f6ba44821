// The pages of Insight with real rows: numbers and their table, failures that are redriven as a group at a rate, a full
// queue that is paused, a lost worker, the cost of a model, and the items of a work queue.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { failing, node, type TestApp, testApp, value } from '../engine/support.ts';
import { faults } from './gates.ts';
import { fillInsight, type InsightData, removeInsight } from './insight-data.ts';
import { openAppPage, openPage, signIn } from './support.ts';

let b: TestApp;
let data: InsightData;
beforeAll(async () => {
  b = await testApp();
  data = await fillInsight(b);
});

afterAll(() => data && removeInsight(b, data));

test('numbers, failures, queues, workers and models are shown, and a group of failures is redriven', async () => {
  const page = await openPage();
  await signIn(page, 'developer@acme', '/insight?since=1h');

  const choose = async (name: string, address: string) => {
    await page.getByRole('combobox', { name: 'Workflow' }).fill(name);
    await page.getByRole('option', { name }).click();
    await page.waitForURL(new RegExp(`workflow=${address}`));
  };

  // Numbers of one workflow, with the table of the charts.
  await page.getByRole('heading', { name: 'Most failing steps' }).waitFor();
  await choose(`Invoices ${data.mark}`, data.broken);
  const steps = page.getByRole('region', { name: 'Most failing steps' });
  await steps.getByText('total', { exact: true }).waitFor();
  expect(await steps.locator('tbody tr').count()).toBe(1);
  await page.locator('dl').getByText('4', { exact: true }).first().waitFor();
  await page.getByRole('button', { name: 'Show as a table' }).click();
  await page.getByRole('region', { name: 'Runs over time' }).locator('tbody tr').nth(20).waitFor();

  // The failures are those of the chosen workflow: the largest groups of the application could leave its groups out.
  await page.getByRole('tab', { name: 'Failures' }).click();
  const groups = page.locator('[data-failure]');
  const others = page.locator(`[data-failure^="${data.refused}/1/"]`);
  const broken = page.locator(`[data-failure^="${data.broken}/1/"]`);
  await broken.waitFor();
  expect(await groups.count()).toBe(1);
  await choose(`Shipping ${data.mark}`, data.refused);
  await others.waitFor();
  expect(await groups.count()).toBe(1);
  await choose(`Invoices ${data.mark}`, data.broken);
  await broken.waitFor();

  // A group links to its runs, and is redriven at a rate with progress.
  expect(await broken.getByRole('link', { name: /^Show 4 runs/ }).getAttribute('href')).toContain(
    `workflow=${data.broken}`,
  );
  await broken.getByRole('button', { name: /^Redrive/ }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('4 runs will change').waitFor();
  await dialog.getByLabel('Rate').selectOption('600');
  await dialog.getByRole('textbox', { name: 'Reason' }).fill(`again ${data.mark}`);
  await dialog.getByRole('button', { name: 'Redrive 4 runs' }).click();
  const card = page.locator('[data-operation]', { hasText: `again ${data.mark}` });
  await card.filter({ hasText: '4 of 4 done' }).waitFor();
  await broken.filter({ hasText: /redriven/ }).waitFor();

  // A full queue: who waits, in the order of the priorities; it is paused with a reason and resumed.
  await openAppPage(page, '/insight/queues');
  const queue = page.locator(`[data-queue="${data.queue}"]`);
  await queue.getByText('1 of 1 busy').waitFor();
  await queue.getByRole('button', { name: /^Show 3 runs that wait/ }).click();
  const waiting = page.locator('[data-waiting]');
  await waiting.nth(2).waitFor();
  expect(await waiting.locator('td:nth-child(3)').allTextContents()).toEqual(['3', '2', '1']);
  await page.keyboard.press('Escape');
  await waiting.first().waitFor({ state: 'detached' });
  await queue.getByRole('button', { name: `Pause Exports ${data.mark}` }).click();
  await page.getByRole('dialog').getByRole('textbox').fill('the target is down');
  await page.getByRole('dialog').getByRole('button', { name: 'Pause queue' }).click();
  await queue.getByText('the target is down').waitFor();
  await queue.getByRole('button', { name: `Resume Exports ${data.mark}` }).click();
  await queue.locator('[data-status="active"]').waitFor();

  await openAppPage(page, '/insight/workers');
  const lost = page.locator(`[data-worker="${data.worker}"]`);
  await lost.locator('[data-status="lost"]').waitFor();
  await page.locator('[data-worker] [data-status="running"]').first().waitFor();

  await openAppPage(page, '/insight/models');
  const models = page.getByRole('region', { name: 'Costs by model' });
  await models.locator('tr', { hasText: data.model }).filter({ hasText: '$4.50' }).waitFor();
  const byWorkflow = page.getByRole('region', { name: 'Costs by workflow' });
  await byWorkflow.getByRole('link', { name: `Invoices ${data.mark}` }).waitFor();
});

test('a work queue is created, and its items are shown by what became of them', async () => {
  const title = `Orders ${data.mark}`;
  const own = await b.publish([value('first')], [], { name: title });
  const page = await openPage();
  await signIn(page, 'developer@acme', '/insight/queues');
  await page.getByRole('button', { name: 'New work queue' }).click();
  const dialog = page.getByRole('dialog', { name: 'New work queue' });
  await dialog.getByRole('combobox', { name: 'Workflow' }).fill(title);
  await page.getByRole('option', { name: title }).click();
  await dialog.getByRole('textbox', { name: 'Name' }).fill('orders');
  await dialog.getByLabel('Items that may wait').fill('5');
  await dialog.getByRole('button', { name: 'Create work queue' }).click();
  await dialog.waitFor({ state: 'detached' });
  // Other work queues of the application have the same name.
  await openAppPage(page, `/insight/queues?workflow=${own}`);
  const row = page.locator('[data-work-queue="orders"]').filter({ hasText: title });
  await row.getByText('0 of 5').waitFor();

  const queue = `${own}/orders`;
  const push = await b.publish([node('push', 'work_queue_push', { queue, item: '{{ input }}' })]);
  const pop = await b.publish(
    [node('pop', 'work_queue_pop', { queue }), failing('pack')],
    ['pop > pack : item'],
  );
  for (const order of ['A-1', 'A-2']) await b.ended((await b.start(push, { order })).id);
  const { id } = await b.start(pop);
  await b.ended(id);
  await row.getByText('1 of 5').waitFor();
  await row.getByRole('button', { name: 'orders', exact: true }).click();
  const items = page.getByRole('dialog', { name: 'Items of orders' });
  await items.locator('[data-item-status="queued"]', { hasText: 'A-2' }).waitFor();
  await items.getByText('Failed', { exact: true }).click();
  const failed = items.locator('[data-item-status="failed"]', { hasText: 'A-1' });
  await failed.getByRole('link', { name: `…${id.slice(-6)}` }).waitFor();
  expect(await faults(page, 'the items of a work queue')).toEqual([]);
});

test('a viewer sees the numbers and neither redrives nor pauses', async () => {
  const page = await openPage('dark');
  await page.setViewportSize({ width: 390, height: 800 });
  await signIn(page, 'viewer@acme', '/insight/failures');
  await page.locator(`[data-failure^="${data.broken}/1/"]`).waitFor();
  expect(await page.getByRole('button', { name: /^Redrive/ }).count()).toBe(0);
  await openAppPage(page, '/insight/queues');
  await page.locator(`[data-queue="${data.queue}"]`).waitFor();
  expect(await page.getByRole('button', { name: /^Pause/ }).count()).toBe(0);
});
