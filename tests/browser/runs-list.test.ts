// The list of runs: filters in the address, search by an input value, saved views, bulk operations with preview, result
// and undo, runs that arrive while the person reads, and more runs than the Data API returns at once.

import { beforeAll, expect, test } from 'vitest';
import { node, type TestApp, testApp } from '../engine/support.ts';
import { scaled } from '../support/time.ts';
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

  // Conditions of the form are in the address too, and each can be removed.
  await page.getByRole('button', { name: /^Filter/ }).click();
  const form = page.getByRole('form', { name: 'Filter' });
  await form.getByRole('combobox', { name: 'Created' }).click();
  await page.getByRole('option', { name: /hour/ }).first().click();
  await form.getByRole('combobox', { name: 'Error code' }).fill('http_timeout');
  await form.getByRole('button', { name: 'Apply' }).click();
  await page.waitForURL(/since=.*error=http_timeout|error=http_timeout.*since=/);
  await page.getByText(/^No run (matches|found yet)$/).waitFor();
  await page.getByRole('button', { name: /^Remove .*http_timeout/ }).click();
  await rows.filter({ hasText: 'order_id ORD-7' }).waitFor();
  await page.getByRole('button', { name: /^Filter/ }).click();

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

  // Several statuses at once, with the number of runs of each.
  const status = page.getByRole('group', { name: 'Status' });
  await status.getByRole('button', { name: /^running/ }).click();
  await page.getByText(/^No run (matches|found yet)$/).waitFor();
  await status.getByRole('button', { name: /^cancelled\s+71$/ }).click();
  await page.waitForURL(/status=running(,|%2C)cancelled/);
  await rows.first().filter({ hasText: 'cancelled' }).waitFor();
});

test('runs are signalled and paused together, and the pause is taken back', async () => {
  const own = await b.publish([
    node('first', 'wait_for_signal', { signal_name: 'first' }),
    node('second', 'wait_for_signal', { signal_name: 'second' }),
  ]);
  const runs = await Promise.all([1, 2, 3].map(() => b.start(own)));
  for (const { id } of runs) await b.stepIs(id, 'second', 'waiting');
  const page = await openPage('dark');
  await signIn(page, 'developer@acme', `/runs?workflow=${own}`);
  const rows = page.locator('tr[data-run]');
  await rows.nth(2).waitFor();
  const bar = page.getByRole('region', { name: 'Selected runs' });
  const dialog = page.getByRole('dialog');
  const operation = (label: string) => page.locator('[data-operation]', { hasText: label }).first();

  // One signal to all that match, with its payload.
  await rows.nth(0).getByRole('checkbox').check();
  await bar.getByRole('button', { name: 'Select all that match' }).click();
  await bar.getByRole('button', { name: 'Signal' }).click();
  await dialog.getByText('3 runs will change').waitFor();
  expect(await dialog.getByRole('button', { name: 'Signal 3 runs' }).isDisabled()).toBe(true);
  await dialog.getByRole('combobox', { name: 'Signal' }).fill('first');
  await dialog.getByRole('textbox', { name: 'Payload' }).fill('{"by": "hand"}');
  await dialog.getByRole('button', { name: 'Signal 3 runs' }).click();
  await operation('Signal').filter({ hasText: '3 of 3 done' }).waitFor();
  for (const { id } of runs) {
    const step = await b.stepIs(id, 'first', 'completed');
    expect(step.output).toEqual({ by: 'hand' });
  }
  expect(await operation('Signal').getByRole('button', { name: 'Undo' }).count()).toBe(0);

  // A pause of two runs: the operation leads to them, and takes them back.
  await rows.nth(0).getByRole('checkbox').check();
  await rows.nth(1).getByRole('checkbox').check();
  await bar.getByRole('button', { name: 'Pause' }).click();
  await dialog.getByRole('button', { name: 'Pause 2 runs' }).click();
  await operation('Pause').filter({ hasText: '2 of 2 done' }).waitFor();
  await operation('Pause').getByRole('link', { name: 'Show the runs' }).click();
  await page.waitForURL(/operation=/);
  await rows.locator('[data-status="paused"]').nth(1).waitFor();
  expect(await rows.count()).toBe(2);
  await operation('Pause').getByRole('button', { name: 'Undo: Pause' }).click();
  await dialog.getByRole('button', { name: 'Resume 2 runs' }).click();
  await operation('Resume').filter({ hasText: '2 of 2 done' }).waitFor();
  await rows.locator('[data-status="running"]').nth(1).waitFor();

  // All operations are a click away, with what they can be taken back by.
  await page.getByRole('button', { name: 'All bulk operations' }).click();
  const all = page.getByRole('dialog', { name: 'Bulk operations' }).locator('[data-operation]');
  await all.filter({ hasText: 'Signal' }).filter({ hasText: '3 of 3 done' }).first().waitFor();
});

test('a list of 1,100 runs is read to its end', async () => {
  const own = await b.publish([node('wait', 'wait_for_signal', { signal_name: 'go' })]);
  const item = { start_at: '2100-01-01T00:00:00Z' };
  for (const size of [500, 500, 100]) {
    const items = Array.from({ length: size }, () => item);
    const { error } = await b.developer.rpc('start_runs', { workflow: own, items });
    expect(error).toBeNull();
  }
  const page = await openPage();
  await signIn(page, 'viewer@acme', `/runs?workflow=${own}`);
  await page.locator('tr[data-run]').first().waitFor();
  const end = page.getByText('1,100 runs', { exact: true });
  await expect
    .poll(
      async () => {
        await page.evaluate(() => window.scrollTo({ top: document.body.scrollHeight }));
        return await end.count();
      },
      { timeout: scaled(20_000) },
    )
    .toBe(1);
  // Only the rows near the window are in the document.
  expect(await page.locator('tr[data-run]').count()).toBeLessThan(100);

  // More new runs than a page has: they are shown at once, and the list is never empty meanwhile.
  await page.evaluate(() => window.scrollTo({ top: 0 }));
  const table = page.locator('table', { has: page.locator('tr[data-run]') }).first();
  const seen = await page.evaluateHandle(() => {
    const counted = { fewest: Number.POSITIVE_INFINITY };
    new MutationObserver(() => {
      const rows = document.querySelectorAll('tr[data-run]').length;
      counted.fewest = Math.min(counted.fewest, rows);
    }).observe(document.body, { childList: true, subtree: true });
    return counted;
  });
  const before = await table.locator('tr[data-run]').first().getAttribute('data-run');
  const more = await b.developer.rpc('start_runs', {
    workflow: own,
    items: Array.from({ length: 60 }, () => item),
  });
  expect(more.error).toBeNull();
  await expect
    .poll(() => table.locator('tr[data-run]').first().getAttribute('data-run'), {
      timeout: scaled(20_000),
    })
    .not.toBe(before);
  expect(await seen.evaluate(({ fewest }) => fewest)).toBeGreaterThan(0);
  await b.db.query(
    `select stepbase_engine.cancel_run(r, 'the end of the test', true, null)
     from stepbase.runs r join stepbase.workflows w on w.id = r.workflow_id where w.kebab_name = $1`,
    [own],
  );
});
