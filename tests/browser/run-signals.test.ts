// Signals and queries of a run: a person sends what a step waits for, as JSON or by the form of a declared signal, asks the
// run, hears its end, and compares it with another one. The panel of a step can be closed however wide its values are, and a page without its server is not live.

import type { Locator, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { node, type TestApp, testApp, value } from '../engine/support.ts';
import { openPage, pasteInto, signIn } from './support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

async function startTwo(): Promise<[string, string]> {
  const workflow = await b.publish(
    [
      node('wait', 'wait_for_signal', { signal_name: 'go' }),
      node('sign', 'wait_for_signal', { signal_name: 'signed' }),
      value('long', '{"line": $pad("", 4000, "x")}'),
    ],
    ['wait > sign', 'sign > long'],
  );
  const parameters = {
    type: 'object',
    required: ['note'],
    properties: { note: { type: 'string', title: 'Note of the signer' } },
  };
  await b.db.query(
    `insert into stepbase.workflow_signals (app_code, workflow_id, signal_name, parameters)
     select w.app_code, w.id, 'signed', $2 from stepbase.workflows w where w.app_code = 'acme' and w.kebab_name = $1`,
    [workflow, parameters],
  );
  const [first, second] = [await b.start(workflow), await b.start(workflow)];
  await b.stepIs(second.id, 'wait', 'waiting');
  return [first.id, second.id];
}

/** Whether a part of the page is in the window as a whole. */
async function isInside(part: Locator, page: Page): Promise<boolean> {
  const box = await part.boundingBox();
  const width = page.viewportSize()?.width ?? 0;
  return box !== null && box.x >= 0 && box.x + box.width <= width;
}

test('a developer sends a signal, asks the run, and hears its end', async () => {
  const [other, id] = await startTwo();
  const page = await openPage();
  await page.setViewportSize({ width: 1440, height: 900 });
  await signIn(page, 'developer@acme', `/runs/${id}?tab=signals`);

  await page.getByText('Why it waits').waitFor();
  await page.getByRole('button', { name: 'Ask' }).click();
  await page
    .getByRole('group', { name: 'Answer of status' })
    .getByText('running')
    .first()
    .waitFor();
  expect(await page.getByRole('combobox', { name: 'Signal', exact: true }).inputValue()).toBe(
    'go (awaited)',
  );
  await page.getByRole('textbox', { name: 'Payload' }).fill('{"by": }');
  await page.getByRole('button', { name: 'Send signal' }).click();
  await page.getByText('This is not JSON').waitFor();
  await pasteInto(page.getByRole('textbox', { name: 'Payload' }), '{"by": "hand"}');
  await page.getByRole('button', { name: 'Send signal' }).click();
  await page.locator('tr[data-signal="go"]').waitFor();
  await page.getByLabel('Note of the signer').fill('fine');
  expect(await page.getByRole('combobox', { name: 'Signal', exact: true }).inputValue()).toBe(
    'signed (awaited)',
  );
  await page.getByRole('button', { name: 'Send signal' }).click();
  await page.locator('tr[data-signal="signed"]').waitFor();
  await page.locator('.run-facts [data-status="completed"]').waitFor();
  await page.getByTestId('announcer').getByText('The run is completed.').waitFor();
  await page.getByText('The run has ended and takes no signal.').waitFor();
  const sent = await b.developer
    .from('run_signals')
    .select('payload')
    .eq('run_id', id)
    .order('created_at');
  expect(sent.data).toEqual([{ payload: { by: 'hand' } }, { payload: { note: 'fine' } }]);

  // The values of this step are wider than its panel, in a wide and in a narrow window.
  const close = page.getByRole('button', { name: 'Close the step' });
  await page.locator('[data-step="long"]').click();
  await page.getByRole('region', { name: 'Step long' }).getByText('xxxx').first().waitFor();
  expect(await isInside(close, page)).toBe(true);
  await close.click();
  await close.waitFor({ state: 'detached' });
  await page.setViewportSize({ width: 390, height: 800 });
  await page.locator('[data-step="long"]').click();
  await close.waitFor();
  expect(await isInside(close, page)).toBe(true);
  await close.click();
  await close.waitFor({ state: 'detached' });

  await page.getByRole('button', { name: 'More', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Compare with another run' }).click();
  await page
    .getByRole('dialog')
    .getByRole('link', { name: `…${other.slice(-12)}` })
    .click();
  await page.getByRole('heading', { level: 1, name: 'Compare runs' }).waitFor();
  await page.getByText('The first step that differs is wait.').waitFor();
});

test('a page that its server does not answer is not live', async () => {
  const [, id] = await startTwo();
  const page = await openPage('dark');
  await page.clock.install();
  await signIn(page, 'viewer@acme', `/runs/${id}`);
  const live = (is: boolean) => page.locator(`[data-live="${is}"]`).waitFor();
  await live(true);
  await page.route('**/rest/v1/**', (route) => route.abort());
  await page.clock.fastForward(21_000);
  await page.getByRole('status').filter({ hasText: 'The server does not answer' }).waitFor();
  await live(false);
  await page.unroute('**/rest/v1/**');
  await page.clock.fastForward(6_000);
  await live(true);
});
