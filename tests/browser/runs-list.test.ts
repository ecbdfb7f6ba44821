// The list of runs: filters in the address, search by an input value, saved views, a bulk operation with preview and
// result, and runs that arrive while the person reads.

import { beforeAll, expect, test } from 'vitest';
import { node, type TestApp, testApp } from '../engine/support.ts';
import { openPage, signIn } from './support.ts';

let b: TestApp;
let workflow: string;
beforeAll(async () => {
  b = await testApp();
  workflow = await b.publish([node('wait', 'wait_for_signal', { signal_name: 'go' })]);
  const { error } = await b.developer
    .from('workflows')
    .update({ searchable_inputs: ['order_id'] })
    .eq('kebab_name', workflow);
  expect(error).toBeNull();
});

test('runs are found, kept as a view, cancelled together, and new ones wait for the reader', async () => {
  const started = await b.developer.rpc('start_runs', {
    workflow,
    items: Array.from({ length: 70 }, (_, n) => ({ input: { order_id: `ORD-${n}` } })),
  });
  expect(started.error).toBeNull();
  const page = await openPage();
  await signIn(page, 'developer@acme', `/runs?workflow=${workflow}`);
  const rows = page.locator('tr[data-run]');
  await rows.first().waitFor();
  await page
    .getByRole('button', { name: /^(running|pending)\s+\d/ })
    .first()
    .waitFor();
  await rows.filter({ hasText: 'order_id ORD-' }).first().waitFor();

  // A value of the input finds its run; the condition is in the address and can be removed.
  await page.getByRole('textbox', { name: 'Search runs' }).fill('ORD-7');
  await page.keyboard.press('Enter');
  await page.waitForURL(/input=order_id/);
  await rows.nth(1).waitFor({ state: 'detached' });
  expect(await rows.textContent()).toContain('order_id ORD-7');

  // The filter becomes a view.
  const name = `Order ${workflow.slice(-6)}`;
  await page.getByRole('button', { name: 'Views' }).click();
  await page.getByRole('menuitem', { name: 'Save this view' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill(name);
  await page.getByRole('button', { name: 'Save view' }).click();
  await page.getByRole('button', { name: /^Remove order_id/ }).click();
  await rows.nth(20).waitFor();
  await page.getByRole('button', { name: 'Views' }).click();
  await page.getByRole('menuitem', { name, exact: true }).click();
  await page.waitForURL(/input=order_id/);
  await page.getByRole('button', { name: /^Remove order_id/ }).click();
  await rows.nth(20).waitFor();

  // A run that starts while the person reads further below waits.
  await page.mouse.move(500, 500);
  await page.mouse.wheel(0, 900);
  await page.waitForFunction(() => window.scrollY > 300);
  await b.start(workflow, { order_id: 'NEW' });
  await page.getByRole('button', { name: '1 new run' }).click();
  await rows.filter({ hasText: 'order_id NEW' }).waitFor();

  // Two selected runs, then all that match.
  await rows.nth(0).getByRole('checkbox').check();
  await rows.nth(1).getByRole('checkbox').check();
  const bar = page.getByRole('region', { name: 'Selected runs' });
  await bar.getByText('2 selected').waitFor();
  await bar.getByRole('button', { name: 'Select all that match' }).click();
  await bar.getByRole('button', { name: 'Cancel' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('71 runs will change').waitFor();
  await dialog.getByRole('textbox', { name: 'Reason' }).fill('wrong prices');
  await dialog.getByRole('button', { name: 'Cancel 71 runs' }).click();
  const card = page.locator('[data-operation]', { hasText: 'wrong prices' });
  await card.filter({ hasText: '71 of 71 done' }).waitFor();
  await rows.first().filter({ hasText: 'cancelled' }).waitFor();
});
