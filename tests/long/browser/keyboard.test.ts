// The web client without a mouse: Tab reaches each control of each page and its focus can be seen; and the main paths
// from the sign-in to a decision.

import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { allPaths } from '../../../scripts/web/paths.ts';
import { walkFocus } from '../../browser/focus.ts';
import { settled } from '../../browser/gates.ts';
import { openAppPage, openPage, openSignIn, signIn } from '../../browser/support.ts';
import { node, type TestApp, testApp } from '../../engine/support.ts';
import { seedUser, stackInfo } from '../../support/stack.ts';
import { scaled } from '../../support/time.ts';

const LONG = { timeout: scaled(900_000) };

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

test.each([1440, 390])('Tab reaches every control of every page at %i px', LONG, async (width) => {
  const page = await openPage(width === 390 ? 'dark' : 'light');
  await page.setViewportSize({ width: 1440, height: 900 });
  await signIn(page, 'admin@acme', '/settings');
  await settled(page);
  const hrefs = await page
    .locator('main a[href*="/settings/"]')
    .evaluateAll((all) => all.map((each) => each.getAttribute('href')));
  const sections = [...new Set(hrefs.map((href) => (href ?? '').replace(/^#\/[^/]+/, '')))];
  const paths = [...(await allPaths(stackInfo())), ...sections];
  await page.setViewportSize({ width, height: 900 });
  const found: string[] = [];
  for (const path of paths) {
    await openAppPage(page, path);
    await settled(page);
    const { reached, faults } = await walkFocus(page);
    if (reached.length < 5) found.push(`${path}: Tab reaches only ${reached.join(', ')}`);
    found.push(...faults.map((fault) => `${path}: ${fault}`));
  }
  expect(found).toEqual([]);
});

const focused = (page: Page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    return element?.getAttribute('aria-label') ?? element?.textContent ?? '';
  });

/** Presses Tab until the control has the focus. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  for (let n = 0; n < 120; n += 1) {
    await page.keyboard.press('Tab');
    const now = (await focused(page)).trim();
    if (typeof name === 'string' ? now === name : name.test(now)) return;
  }
  throw new Error(`Tab does not reach ${name}; it is at ${await focused(page)}`);
}

test('a person signs in, starts a run, finds it and decides, all by keys', LONG, async () => {
  const title = `By keys ${Date.now()}`;
  const workflow = await b.publish([node('ask', 'wait_for_approval', { title })]);
  const page = await openSignIn();
  await page.getByLabel('E-mail').focus();
  const { email, password } = seedUser('developer@acme');
  await page.keyboard.type(email);
  await page.keyboard.press('Tab');
  await page.keyboard.type(password);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Acme' }).waitFor();

  // The palette starts the workflow.
  await page.keyboard.press('Control+k');
  await page.getByPlaceholder('Search pages').waitFor();
  await page.keyboard.type(`start ${workflow}`);
  await page.getByRole('button', { name: new RegExp(`^Start ${workflow}`) }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: /^Start / }).waitFor();
  await tabTo(page, 'Start');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/runs\/[0-9a-f-]{36}/);

  // The task is on the page of the run.
  await page.getByRole('heading', { name: title }).waitFor();
  await tabTo(page, 'Approve');
  await page.keyboard.press('Enter');
  await page.locator('.run-facts [data-status="completed"]').waitFor();
  const announced = page.getByTestId('announcer');
  await expect.poll(() => announced.textContent()).toContain('The run is completed');

  // A dialog takes the focus, keeps it, and gives it back.
  await openAppPage(page, '/runs');
  await settled(page);
  await tabTo(page, 'Start a run');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  for (let n = 0; n < 12; n += 1) {
    await page.keyboard.press('Tab');
    expect(
      await page.evaluate(() => document.activeElement?.closest('[role="dialog"]') !== null),
    ).toBe(true);
  }
  // The list of workflows opens with the focus: Escape closes it first.
  await page.keyboard.press('Escape');
  const dialog = page.getByRole('dialog');
  const isGone = await dialog.waitFor({ state: 'detached', timeout: scaled(2_000) }).then(
    () => true,
    () => false,
  );
  if (!isGone) await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await expect.poll(() => focused(page)).toBe('Start a run');
});
