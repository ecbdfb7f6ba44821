// The quality gates on the main pages, and the weight of the first ones. tests/long/web.pages.test.ts walks every page.

import { expect, test } from 'vitest';
import { node, testApp } from '../engine/support.ts';
import { stackInfo } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { ALL_LOOKS, faults, pageFaults, scriptsOf, settled } from './gates.ts';
import { openPage, openSignIn, signIn } from './support.ts';

const MAIN = [
  '/',
  '/workflows',
  '/workflows/order-triage',
  '/runs',
  '/tasks',
  '/schedules',
  '/insight',
  '/settings',
];
const KIB = 1_024;
const SIGN_IN_KIB = 150;
/** The limit is 250; the rest is for what a release adds. */
const RUNS_KIB = 240;

/** Code that only the pages that need it load. */
const HEAVY = /CodeMirror|Form-|RunPage|EditorPage|Chart|Palette|ApiPage/;

test(
  'the main pages are accessible and fit, in both themes and widths',
  async () => {
    const page = await openSignIn();
    await page.getByLabel('E-mail').waitFor();
    const found = await faults(page, 'sign-in', ALL_LOOKS);
    await signIn(page, 'admin@acme');
    found.push(...(await pageFaults(page, MAIN, ALL_LOOKS)));
    expect(found).toEqual([]);
  },
  scaled(180_000),
);

/** An operation that ends while the list is read: its card is a part of the first load. */
async function startOperation(): Promise<void> {
  const { developer, publish, start } = await testApp();
  const workflow = await publish([node('wait', 'wait_for_signal', { signal_name: 'go' })]);
  const { id } = await start(workflow);
  const selection = { action: 'cancel', filter: { id } };
  const { data, error } = await developer.rpc('preview_operation', selection);
  if (error) throw error;
  const { preview } = data as { preview: string };
  const started = await developer.rpc('start_operation', { ...selection, preview });
  if (started.error) throw started.error;
}

test('the first pages load little code, and no policy is broken', async () => {
  await startOperation();
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
    await page.locator('[data-operation]').first().waitFor();
  });
  console.log(
    `JavaScript, gzip: sign-in ${Math.round(signingIn.bytes / KIB)} KiB, runs ${Math.round(runs.bytes / KIB)} KiB`,
  );
  expect(signingIn.bytes).toBeLessThanOrEqual(SIGN_IN_KIB * KIB);
  expect(runs.bytes).toBeLessThanOrEqual(RUNS_KIB * KIB);
  expect([...runs.files].filter((name) => HEAVY.test(name))).toEqual([]);
});
