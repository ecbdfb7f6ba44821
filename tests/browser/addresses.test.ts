// Where an address leads: pages and rows that do not exist, runs that the palette finds, an application without
// workflows; and how often the list of runs is read.

import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { node, type TestApp, testApp } from '../engine/support.ts';
import { client, pool, stackInfo } from '../support/stack.ts';
import { openAppPage, openPage, openSignIn, signIn } from './support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name });
const problem = (page: Page) => page.getByRole('main').getByRole('alert');

test('an unknown address shows a heading, a reason and a link', async () => {
  const page = await openPage('dark');
  await signIn(page, 'viewer@acme', '/no-such-page');
  await heading(page, 'There is no such page').waitFor();
  await page.waitForFunction(() =>
    document.title.endsWith('There is no such page · Acme · Stepbase'),
  );

  for (const id of [randomUUID(), 'not-an-id']) {
    await openAppPage(page, `/runs/${id}`);
    await problem(page).getByText('There is no such run in this application.').waitFor();
    await problem(page).getByText('not_found').waitFor();
  }
  await openAppPage(page, `/tasks/${randomUUID()}`);
  await problem(page).getByText('There is no such task in this application').waitFor();
  await page.getByRole('link', { name: 'Tasks' }).last().click();
  await heading(page, 'Tasks').waitFor();
});

test('the palette finds a run by its id and its key', async () => {
  const workflow = await b.publish([node('wait', 'wait_for_signal', { signal_name: 'go' })]);
  const key = `order ${randomUUID()}`;
  const { id } = await b.start(workflow, {}, { idempotency_key: key });
  const page = await openPage();
  await signIn(page, 'viewer@acme', '/tasks');
  for (const text of [id, key]) {
    await page.keyboard.press('Control+k');
    const dialog = page.getByRole('dialog');
    await dialog.getByPlaceholder('Search pages').fill(text);
    await dialog.getByRole('button', { name: new RegExp(id) }).click();
    await page.waitForURL(new RegExp(`/runs/${id}$`));
    await page.locator('.run-facts').waitFor();
    await openAppPage(page, '/tasks');
  }
});

test('the list of runs is read once before its channel is joined', async () => {
  const page = await openPage();
  // The socket opens, and the server sends no answer.
  await page.routeWebSocket(/realtime/, () => undefined);
  await signIn(page, 'viewer@acme', '/tasks');
  const reads: string[] = [];
  page.on('request', (request) => {
    if (request.url().includes('/rpc/search_runs')) reads.push(request.postData() ?? '');
  });
  await openAppPage(page, '/runs');
  await page.locator('tr[data-run]').first().waitFor();
  await page.waitForLoadState('networkidle');
  expect(reads).toHaveLength(1);
});

test('an application without workflows says how to get one', async () => {
  const mark = randomUUID().slice(0, 8);
  const app = `empty-x${mark}`;
  const email = `owner-${mark}@empty.example`;
  const password = randomUUID();
  const { data } = await client(stackInfo(), stackInfo().secret_key).auth.admin.createUser({
    email,
    password,
    email_confirm: true,
  });
  await pool().query(
    `with o as (insert into stepbase.organizations (slug, name) values ($1, 'Empty') returning id),
     a as (insert into stepbase.applications (app_code, organization_id, name) select $1, o.id, 'Empty' from o returning app_code)
     insert into stepbase.app_members (app_code, user_id, role, accepted_at) select app_code, $2, 'developer', now() from a`,
    [app, data.user?.id],
  );
  const page = await openSignIn();
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await openAppPage(page, '/runs');
  await page.getByRole('heading', { name: 'No runs yet' }).waitFor();
  await page.getByRole('button', { name: 'Start a run' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('heading', { name: 'No workflow can be started yet' }).waitFor();
  await dialog.getByRole('link', { name: 'New workflow' }).click();
  await heading(page, 'New workflow').waitFor();
});
