// A session that expires: the page keeps its address and its rows behind a dialog, sends no requests, and continues after
// the sign-in.

import type { Locator, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { node, type TestApp, testApp, value } from '../engine/support.ts';
import { openDraftEditor } from './draft-editor.ts';
import { endSession, openAppPage, openPage, signIn } from './support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name });

async function signInAgain(dialog: Locator): Promise<void> {
  await dialog.getByLabel('Password', { exact: true }).fill('stepbase-demo');
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await dialog.waitFor({ state: 'detached' });
}

/** The requests for data of the application that the page sends from now on. */
function requestsOf(page: Page): string[] {
  const sent: string[] = [];
  page.on('request', (request) => {
    if (/\/(rest|functions)\/v1\//.test(request.url())) sent.push(request.url());
  });
  return sent;
}

test('a user signs in again on the same page', async () => {
  const page = await openPage('dark');
  await page.clock.install();
  await signIn(page, 'developer@globex', '/workflows');
  await heading(page, 'Workflows').waitFor();
  await page.evaluate(() => Object.assign(window, { loadedOnce: true }));
  const dialog = await endSession(page);
  await heading(page, 'Workflows').waitFor({ state: 'attached' });
  expect(await dialog.getByLabel('E-mail').inputValue()).toBe('developer@globex.example');
  await dialog.getByLabel('Password', { exact: true }).fill('wrong-password');
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await dialog.getByRole('alert').getByText('is wrong').waitFor();
  await signInAgain(dialog);
  await heading(page, 'Workflows').waitFor();
  expect(await page.evaluate(() => 'loadedOnce' in window)).toBe(true);
  await openAppPage(page, '/runs');
  await heading(page, 'Runs').waitFor();
});

test('a page that was not read yet is read after the sign-in', async () => {
  const page = await openPage();
  await page.clock.install();
  // The permissions are what the shell reads before a page.
  const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
  const { promise: signedIn, resolve: isSignedIn } = Promise.withResolvers<void>();
  await page.route('**/rest/v1/app_roles*', async (route) => {
    isAsked();
    await signedIn;
    await route.abort();
  });
  await signIn(page, 'developer@globex', '/workflows');
  await asked;
  const dialog = await endSession(page);
  isSignedIn();
  await page.unrouteAll({ behavior: 'wait' });
  await page.clock.fastForward(60_000);
  expect(await page.getByRole('alert').count()).toBe(0);
  await signInAgain(dialog);
  await heading(page, 'Workflows').waitFor();
});

test('a list and a run keep their rows, and follow what happened meanwhile', async () => {
  const workflow = await b.publish(
    [node('wait', 'wait_for_signal', { signal_name: 'go' }), value('after')],
    ['wait > after'],
  );
  const { id } = await b.start(workflow);
  await b.stepIs(id, 'wait', 'waiting');
  const list = await openPage();
  const run = await openPage('dark');
  for (const page of [list, run]) await page.clock.install();
  await signIn(list, 'developer@acme', `/runs?workflow=${workflow}`);
  await list.locator(`tr[data-run="${id}"] [data-status="running"]`).waitFor();
  await signIn(run, 'developer@acme', `/runs/${id}`);
  await run.locator('[data-step="wait"][data-status="waiting"]').first().waitFor();

  const dialogs = [await endSession(list), await endSession(run)];
  const sent = [requestsOf(list), requestsOf(run)];
  const { error } = await b.developer.rpc('send_signal', { run_id: id, signal_name: 'go' });
  expect(error).toBeNull();
  expect((await b.ended(id)).run.status).toBe('completed');
  // Longer than the pages wait before they read by themselves.
  for (const page of [list, run]) await page.clock.runFor(60_000);
  expect(sent).toEqual([[], []]);
  await list.locator(`tr[data-run="${id}"]`).waitFor({ state: 'attached' });
  await run.locator('[data-step="wait"]').first().waitFor({ state: 'attached' });
  for (const page of [list, run]) expect(await page.getByText('Your role').count()).toBe(0);

  for (const dialog of dialogs) await signInAgain(dialog);
  await list.locator(`tr[data-run="${id}"] [data-status="completed"]`).waitFor();
  await run.locator('[data-step="after"][data-status="completed"]').first().waitFor();
});

test('an edit that was not saved is saved after the sign-in', async () => {
  const { page, write, is, versions } = await openDraftEditor(b);
  await page.route('**/draft', (route) => route.abort());
  await write('40 + 2');
  await is('failed');
  const dialog = await endSession(page);
  const sent = requestsOf(page);
  await page.unroute('**/draft');
  await page.clock.runFor(120_000);
  expect(sent).toEqual([]);
  await signInAgain(dialog);
  await is('saved');
  expect(await versions()).toEqual([[1, 'draft', '40 + 2']]);
});
