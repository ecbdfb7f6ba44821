// The frame around the pages: two windows with two applications, a lost connection, permissions, keyboard, palette and
// phone.

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { stackInfo } from '../support/stack.ts';
import { newMember, openNavigation, openPage, signIn } from './support.ts';

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name });
const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent);

test('two windows of a browser show two applications', async () => {
  const first = await openPage();
  await signIn(first, await newMember(['acme', 'acme-labs'], 'admin'));
  await first.locator('tr[data-run]').first().waitFor();
  const second = await first.context().newPage();
  second.setDefaultTimeout(15_000);
  await second.goto(`${stackInfo().web_url}/#/acme-labs/runs`);
  await heading(second, 'Runs').waitFor();
  expect(await second.getByLabel('Application').inputValue()).toBe('acme-labs');

  // The first window keeps its rows, says so, and comes back by a button.
  const stale = (page: Page) => page.getByText('Another window has switched');
  await stale(first).waitFor();
  expect(await first.locator('tr[data-run]').count()).toBeGreaterThan(0);
  await first.getByRole('button', { name: 'Switch back to Acme' }).click();
  await stale(first).waitFor({ state: 'detached' });
  await stale(second).waitFor();
  // A person who looks at a window gets its application.
  await second.evaluate(() => window.dispatchEvent(new Event('focus')));
  await stale(second).waitFor({ state: 'detached' });
  await stale(first).waitFor();

  await second.getByLabel('Application').selectOption('acme');
  await heading(second, 'Acme').waitFor();
  await stale(first).waitFor({ state: 'detached' });
  await second.goto(`${stackInfo().web_url}/#/globex/runs`);
  await second.getByRole('heading', { name: 'There is no such page' }).waitFor();
});

test('a lost connection is shown with the age of the data, and found again', async () => {
  const page = await openPage('dark');
  await page.clock.install();
  await signIn(page, 'viewer@acme');
  await page.locator('tr[data-run]').first().waitFor();

  await page.context().setOffline(true);
  await page.getByRole('status').filter({ hasText: 'You are offline. Data as of' }).waitFor();
  await page.context().setOffline(false);
  await page.getByText('You are offline.').waitFor({ state: 'detached' });

  await page.route('**/rest/v1/**', (route) => route.abort());
  await page.clock.fastForward(30_000);
  const lost = page.getByRole('status').filter({ hasText: 'The server does not answer' });
  await lost.filter({ hasText: /Data as of \d/ }).waitFor();
  expect(await page.locator('tr[data-run]').count()).toBeGreaterThan(0);
  await page.unroute('**/rest/v1/**');
  await page.clock.fastForward(6_000);
  await lost.waitFor({ state: 'detached' });
});

test('the shell is used by keyboard, shows what the role allows, and fits a phone', async () => {
  const page = await openPage();
  await signIn(page, 'viewer@acme');
  await expect.poll(() => page.title()).toMatch(/Runs · Acme · Stepbase$/);
  expect(await page.getByRole('button', { name: 'Start a run' }).count()).toBe(0);

  await page.reload();
  await heading(page, 'Runs').waitFor();
  await page.keyboard.press('Tab');
  expect(await focused(page)).toBe('Skip to the content');
  await page.keyboard.press('Enter');
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');

  // The heading takes the focus after a page change.
  await page.getByRole('navigation').getByRole('link', { name: 'Workflows' }).click();
  await heading(page, 'Workflows').waitFor();
  await expect.poll(() => focused(page)).toBe('Workflows');

  await page.keyboard.press('Control+k');
  const search = page.getByPlaceholder('Search pages');
  await search.fill('order triage');
  await page.getByRole('dialog').getByText('order-triage', { exact: true }).first().waitFor();
  // The first entry is selected.
  await search.fill('insight');
  await page.keyboard.press('Enter');
  await heading(page, 'Insight').waitFor();

  await page.setViewportSize({ width: 390, height: 800 });
  await openNavigation(page);
  await page.getByRole('navigation').getByRole('link', { name: 'Tasks' }).click();
  await heading(page, 'Tasks').waitFor();
  await page.getByRole('button', { name: 'Open the menu' }).waitFor();

  await page.getByRole('button', { name: 'Account and theme' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await heading(page, 'Sign in').waitFor();
});
