// The controls of a run: force the end of a long compensation, redrive a failed run, rerun from a step. The graph of
// the run has no positions, so the page lays it out.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Json } from '../../types/database.ts';
import { node, type TestApp, testApp, value } from '../engine/support.ts';
import { openAppPage, openPage, signIn } from './support.ts';

let b: TestApp;
let server: Server;
let url: string;
let isUp = false;
beforeAll(async () => {
  b = await testApp();
  server = createServer((_request, response) => {
    response.writeHead(isUp ? 200 : 410, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

const stepOf = (page: Page, step: string, status: string) =>
  page.locator(`.step-node[data-step="${step}"][data-status="${status}"]`);
const runIs = (page: Page, status: string) =>
  page.locator(`.run-facts [data-status="${status}"]`).waitFor();
const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();

async function watch(runId: string, colors: 'light' | 'dark' = 'light'): Promise<Page> {
  const page = await openPage(colors);
  await signIn(page, 'developer@acme', `/runs/${runId}`);
  return page;
}

test('a cancelled run shows its compensation and can be ended at once', async () => {
  const reserve = {
    id: 'reserve',
    type: 'transform',
    data: {
      config: { expression: '1' },
      compensate: { type: 'user_task', config: { title: 'Put it back on the shelf' } },
    } as Json,
  };
  const { id } = await b.start(
    await b.publish(
      [reserve, node('ship', 'wait_for_signal', { signal_name: 'shipped' })],
      ['reserve > ship'],
    ),
  );
  const page = await watch(id);
  await stepOf(page, 'ship', 'waiting').waitFor();
  const places = await page
    .locator('.step-node')
    .evaluateAll((nodes) => nodes.map((element) => element.getBoundingClientRect().left));
  expect(new Set(places).size).toBe(2);

  await press(page, 'Cancel');
  await page.getByRole('dialog').getByRole('textbox').fill('the shelf is gone');
  await press(page, 'Cancel run');
  const notice = page
    .getByRole('status')
    .filter({ hasText: 'Compensating. The run will end as cancelled' });
  await notice.waitFor();
  await page.getByRole('heading', { name: 'Put it back on the shelf' }).waitFor();
  await stepOf(page, 'reserve', 'completed').filter({ hasText: 'undoing' }).waitFor();
  expect(await page.getByRole('button', { name: 'Pause' }).count()).toBe(0);

  await press(page, 'End now');
  await press(page, 'End run');
  await runIs(page, 'cancelled');
  const why = page.getByRole('region', { name: 'Why the run ended' });
  await why.getByText('the shelf is gone').waitFor();
  await why.getByText(/^By Dev Acme/).waitFor();
  await stepOf(page, 'reserve', 'completed').filter({ hasText: 'not undone' }).waitFor();
  expect(await notice.count()).toBe(0);
  await b.ended(id);
});

test('a failed run can be redriven and rerun from a step', async () => {
  isUp = false;
  const { id } = await b.start(
    await b.publish(
      [value('before'), node('call', 'http_request', { url }), value('after')],
      ['before > call', 'call > after'],
    ),
  );
  const page = await watch(id, 'dark');
  await runIs(page, 'failed');
  isUp = true;
  await press(page, 'Redrive');
  await page.getByRole('link', { name: 'rerun from call' }).waitFor();
  await runIs(page, 'completed');
  const second = page.url();
  expect(second).not.toContain(id);
  // The page of the failed run leads to it.
  await openAppPage(page, `/runs/${id}`);
  await page.getByRole('button', { name: 'Redrive again' }).waitFor();
  await page.getByRole('link', { name: 'A later run' }).click();
  await page.waitForURL(second);
  await runIs(page, 'completed');

  await stepOf(page, 'after', 'completed').click();
  await press(page, 'Run again from here');
  const dialog = page.getByRole('dialog', { name: 'Run again' });
  await dialog.locator('[data-preview="before"][data-action="copied"]').waitFor();
  await dialog.locator('[data-preview="after"][data-action="runs_again"]').waitFor();
  await press(page, 'Start the rerun');
  await page.getByRole('link', { name: 'rerun from after' }).waitFor();
  await runIs(page, 'completed');
  await page.getByRole('link', { name: 'rerun from after' }).click();
  await page.waitForURL(second);
});
