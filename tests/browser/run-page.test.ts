// The page of a run: why it failed, the way that it took, the graph by keyboard, values, context and events; a rerun with
// another input and the comparison of both. And a for_each that is longer than one answer of the Data API, with an
// approval behind it. And a run in Temporal.

import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { node, type TestApp, testApp, value } from '../engine/support.ts';
import { scaled } from '../support/time.ts';
import { openAppPage, openPage, signIn } from './support.ts';

let b: TestApp;
let server: Server;
let url: string;
beforeAll(async () => {
  b = await testApp();
  server = createServer((_request, response) => {
    response.writeHead(410, { 'content-type': 'application/json' }).end('{"gone": true}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

const stepOf = (page: Page, step: string, status?: string) =>
  page.locator(`[data-step="${step}"]${status ? `[data-status="${status}"]` : ''}`);
const panelOf = (page: Page, step: string) => page.getByRole('region', { name: `Step ${step}` });
const focused = (page: Page) =>
  page.evaluate(() => (document.activeElement as HTMLElement | null)?.dataset.step);

async function failedRun(): Promise<string> {
  const workflow = await b.publish(
    [
      value('total', '{"sum": input.amount * 2}'),
      node('probe', 'http_request', { url }),
      value('fallback', '{"used": true}'),
      node('charge', 'http_request', { url, method: 'POST' }),
      value('receipt'),
    ],
    ['total > probe', 'probe > fallback : error', 'fallback > charge', 'charge > receipt'],
    {
      input_schema: {
        type: 'object',
        required: ['amount'],
        properties: { amount: { type: 'number', title: 'Amount in euro' } },
      },
    },
  );
  const { id } = await b.start(workflow, { amount: 20 }, { idempotency_key: `page-${workflow}` });
  await b.ended(id);
  return id;
}

test('a failed run says why, shows its way, and runs again with another input', async () => {
  const id = await failedRun();
  const page = await openPage();
  await signIn(page, 'developer@acme', `/runs/${id}`);

  const why = page.getByRole('region', { name: 'Why the run ended' });
  await why.getByRole('heading', { name: 'The run failed in step “charge”' }).waitFor();
  await why.getByText('http_client_error').waitFor();
  await why.getByText('The server answered with another status of 400 or higher.').waitFor();
  expect(
    await why
      .getByRole('link', { name: 'Open the definition with this data' })
      .getAttribute('href'),
  ).toContain(`/edit?run=${id}&step=charge`);

  // The edge for errors was taken, and what the run did not reach is not pending.
  await page.getByRole('button', { name: /^probe\b.*failed, continued/ }).waitFor();
  await stepOf(page, 'receipt', 'not_reached').waitFor();
  expect(await page.locator('.edge-taken.edge-error').count()).toBe(1);
  expect(await page.locator('.edge-not-taken').count()).toBe(1);
  const timeline = page.getByRole('region', { name: 'Timeline' });
  expect(await timeline.getByRole('button').count()).toBe(4);

  // By keyboard: one Tab stop, arrows walk, Enter opens, Escape closes.
  await stepOf(page, 'total').focus();
  for (const step of ['probe', 'fallback', 'charge']) {
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => focused(page)).toBe(step);
  }
  expect(await page.locator('[data-step][tabindex="0"]').count()).toBe(1);
  await page.keyboard.press('Enter');
  await panelOf(page, 'charge').getByText('answered 410').first().waitFor();
  await page.waitForURL(/step=charge/);
  await panelOf(page, 'charge').getByRole('tab', { name: 'Logs' }).click();
  await panelOf(page, 'charge').locator('li[data-level="error"]').first().waitFor();
  await page.keyboard.press('Escape');
  await panelOf(page, 'charge').waitFor({ state: 'detached' });
  await expect.poll(() => focused(page)).toBe('charge');

  await page.getByRole('tab', { name: 'Context' }).click();
  await page.locator('[data-context-version="3"]').waitFor();
  await page.locator('[data-difference="fallback"]').waitFor();
  const slider = page.getByRole('slider', { name: 'Version of the context' });
  await slider.press('Home');
  await slider.press('ArrowRight');
  await page.locator('[data-context-version="1"]', { hasText: 'total added its result' }).waitFor();
  await page.locator('[data-difference="total"]').waitFor();

  await page.getByRole('tab', { name: 'Events' }).click();
  await page.locator('tr[data-event="run.created"]').waitFor();
  await page.getByRole('combobox', { name: 'Types of events' }).click();
  await page.getByRole('option', { name: 'Step failed', exact: true }).click();
  await page.locator('tr[data-event="run.created"]').waitFor({ state: 'detached' });
  await expect.poll(() => page.locator('tr[data-event="step.failed"]').count()).toBe(2);
  await page.keyboard.press('Escape');

  await page.getByRole('button', { name: 'Run again' }).click();
  const dialog = page.getByRole('dialog', { name: 'Run again' });
  await dialog.getByLabel('Amount in euro').fill('70');
  await dialog.getByText('happen again: charge.').waitFor();
  await dialog.getByLabel('Reason (optional)').fill('the amount was wrong');
  await dialog.getByRole('button', { name: 'Start the rerun' }).click();
  await page.waitForURL((to) => /\/runs\/[0-9a-f-]{36}$/.test(to.hash) && !to.hash.includes(id));
  await page.getByText('the amount was wrong').waitFor();
  const second = page.url().slice(-36);
  await b.ended(second);

  await openAppPage(page, `/runs/${id}/compare/${second}`);
  await page.locator('[data-difference="/amount"]', { hasText: '70' }).waitFor();
  await page.locator('[data-step-row="total"][data-equal="false"]').waitFor();
  await page.getByText('The first step that differs is total.').waitFor();
});

test('a for_each of 1,200 items hides neither the step nor the approval after it', async () => {
  const workflow = await b.publish(
    [
      node(
        'each',
        'for_each',
        {
          items: '{{ [1..1200] }}',
          concurrency: 1_000,
          step: {
            type: 'transform',
            config: { expression: 'index = 777 ? $error("no 777") : index' },
          },
        },
        { on_error: 'continue' },
      ),
      value('count', '$count(steps.each.output)'),
      node('ask', 'wait_for_approval', { title: 'Is the list right?' }),
    ],
    ['each > count', 'count > ask'],
  );
  const { id } = await b.start(workflow);
  await b.stepIs(id, 'ask', 'waiting', 40_000);
  const page = await openPage('dark');
  await signIn(page, 'developer@acme', `/runs/${id}`);
  await stepOf(page, 'count', 'completed').waitFor();
  await page.getByRole('heading', { name: 'Is the list right?' }).waitFor();

  await stepOf(page, 'each').click();
  const panel = panelOf(page, 'each');
  await panel.locator('[data-status="failed"][data-first="770"]').click();
  await panel.locator('[data-item="777"]', { hasText: 'no 777' }).waitFor();
  expect(await panel.locator('[data-item="769"]').count()).toBe(0);
  await panel.getByText('failed 1', { exact: true }).click();
  await expect.poll(() => panel.locator('[data-item]').count()).toBe(1);
  await panel.locator('[data-item="777"] button').click();
  await panel.getByText('expression_failed').first().waitFor();
  // The history counts the items from 0 as the panel does.
  await page.getByRole('tab', { name: 'Events' }).click();
  await page.getByRole('combobox', { name: 'Types of events' }).click();
  await page.getByRole('option', { name: 'Step failed', exact: true }).click();
  await page.locator('tr[data-event="step.failed"]').getByText('each[777]').waitFor();
  await page.keyboard.press('Escape');

  // Without a selection, an endless list of all items.
  await panel.getByText('All', { exact: true }).first().click();
  await panel.getByRole('textbox', { name: 'Number of the item, from 0' }).fill('1150');
  await panel.getByRole('button', { name: 'Go to item' }).click();
  await panel.locator('[data-item="1150"]').waitFor();
  expect(await panel.locator('[data-item]').count()).toBeLessThan(60);

  await page.getByRole('button', { name: 'Approve', exact: true }).click();
  await page.locator('.run-facts [data-status="completed"]').waitFor({ timeout: scaled(15_000) });
});

test('a task queue executes its runs in Temporal, and their page names the workflow there', async () => {
  const queue = `t-${randomUUID()}`;
  const page = await openPage();
  await signIn(page, 'admin@acme', '/settings/queues');
  await page.getByRole('button', { name: 'New queue' }).click();
  const form = page.getByRole('dialog');
  await form.getByLabel('Name').fill(queue);
  await form.getByRole('combobox', { name: 'Engine' }).click();
  await page.getByRole('option', { name: 'Temporal' }).click();
  await form.getByRole('button', { name: 'Save queue' }).click();
  await page
    .getByRole('row', { name: new RegExp(queue) })
    .getByText('Temporal')
    .waitFor();

  const workflow = await b.publish([value('a')]);
  await b.db.query(
    `update stepbase.workflows w set task_queue_id = q.id
     from stepbase.task_queues q where q.name = $1 and q.app_code = w.app_code and w.kebab_name = $2`,
    [queue, workflow],
  );
  const { id } = await b.start(workflow);
  // As the bridge writes it when it starts the workflow.
  await b.db.query(
    `insert into stepbase.temporal_runs (run_id, app_code, namespace, task_queue)
     values ($1, 'acme', 'stepbase-acme', 'stepbase-acme-orders')`,
    [id],
  );
  await openAppPage(page, `/runs/${id}`);
  await page.getByText('in stepbase-acme').waitFor();
  await page.getByRole('button', { name: /copy the workflow id/ }).waitFor();
  await b.developer.rpc('cancel_run', { run_id: id });
});
