// The quality gates on the main pages, and the weight of the first ones. tests/long/web.pages.test.ts walks every page.

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { stackInfo } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { faults, pageFaults, scriptsOf, settled, WIDTHS } from './gates.ts';
import { openPage, signIn } from './support.ts';

const MAIN = ['/', '/workflows', '/workflows/order-triage', '/tasks', '/schedules', '/insight'];
const KIB = 1_024;

/** Code that only the pages that need it load. */
const HEAVY = /CodeMirror|Form-|RunPage|EditorPage|Chart|Palette|ApiPage/;

const wide = (page: Page) => page.setViewportSize({ width: WIDTHS[0], height: 900 });

test.each(['light', 'dark'] as const)(
  'the main pages are accessible and fit, %s',
  async (theme) => {
    const page = await openPage(theme);
    const found = await faults(page, 'sign-in');
    await wide(page);
    await signIn(page, 'admin@acme');
    found.push(...(await pageFaults(page, [...MAIN, '/runs', '/settings'])));
    expect(found).toEqual([]);
  },
  scaled(180_000),
);

test('the first pages load little code, and no policy is broken', async () => {
  const page = await openPage('light', 'about:blank');
  const address = stackInfo().web_url;
  const signingIn = await scriptsOf(page, async () => {
    await page.goto(address);
    await page.getByLabel('E-mail').waitFor();
  });
  await signIn(page, 'viewer@acme');
  await settled(page);
  const runs = await scriptsOf(page, async () => {
    await page.reload();
    await settled(page);
    await page.locator('tr[data-run]').first().waitFor();
  });
  console.log(
    `JavaScript, gzip: sign-in ${Math.round(signingIn.bytes / KIB)} KiB, runs ${Math.round(runs.bytes / KIB)} KiB`,
  );
  expect(signingIn.bytes).toBeLessThanOrEqual(150 * KIB);
  expect(runs.bytes).toBeLessThanOrEqual(250 * KIB);
  expect([...runs.files].filter((name) => HEAVY.test(name))).toEqual([]);
});
