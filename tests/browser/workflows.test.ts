// The pages of workflows: find one in the list, start it by its form, compare and publish versions, change settings,
// duplicate; the first page and the palette.

import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { edges, type TestApp, testApp, value } from '../engine/support.ts';
import { scaled } from '../support/time.ts';
import { openAppPage, openPage, signIn } from './support.ts';

let b: TestApp;
/** A workflow with two versions and a draft. */
let name: string;
beforeAll(async () => {
  b = await testApp();
  const input_schema = {
    type: 'object',
    required: ['order'],
    properties: {
      order: { type: 'string', title: 'Order', minLength: 2 },
      amount: { type: 'integer', title: 'Amount', minimum: 1 },
    },
    examples: [{ order: 'A-1', amount: 3 }],
  };
  name = await b.publish([value('first'), value('second')], ['first > second'], { input_schema });
  await b.start(name, { order: 'Z-9' });
  const draft = await b.developer.rpc('save_workflow', {
    kebab_name: name,
    definition: {
      nodes: [value('first', '2'), value('third')],
      edges: edges('first > third'),
    },
  });
  expect(draft.error).toBeNull();
});

/** Parts of a page are loaded when they are shown. */
const PATIENT = { timeout: scaled(10_000) };
const button = (page: Page, text: string) => page.getByRole('button', { name: text, exact: true });
const row = (page: Page) => page.locator(`[data-workflow="${name}"]`);

test('a person finds a workflow and starts it by its form', async () => {
  const page = await openPage();
  await signIn(page, 'developer@acme', '/workflows');
  await page.getByRole('textbox', { name: 'Search' }).fill(name);
  await row(page).getByText('100 %').waitFor();
  await expect.poll(() => page.locator('[data-workflow]').count(), PATIENT).toBe(1);
  expect(
    await row(page)
      .getByRole('link', { name: /^Last runs of .*: 1 completed$/ })
      .count(),
  ).toBe(1);
  expect(page.url()).toContain(`text=${name}`);

  await row(page)
    .getByRole('button', { name: /^Start / })
    .click();
  const dialog = page.getByRole('dialog');
  const order = dialog.getByRole('textbox', { name: 'Order' });
  await expect.poll(() => order.inputValue(), PATIENT).toBe('A-1');
  // The form refuses before the server does, at the field.
  await order.fill('A');
  await button(page, 'Start').click();
  await dialog
    .getByText(/at least 2|too short|minLength/i)
    .first()
    .waitFor();

  // The input of the last run, then the same start as code.
  await button(page, 'Fill in').click();
  await page.getByRole('menuitem', { name: /Z-9/ }).click();
  await expect.poll(() => order.inputValue(), PATIENT).toBe('Z-9');
  await dialog.getByText('As code', { exact: true }).click();
  const code = dialog.getByRole('textbox', { name: 'Code' });
  await expect.poll(() => code.textContent(), PATIENT).toContain('stepbase.start(');
  expect(await code.textContent()).toContain('Z-9');
  await dialog.getByText('Form', { exact: true }).click();

  await button(page, 'More').click();
  await dialog.getByRole('textbox', { name: 'Idempotency key' }).fill(`key of ${name}`);
  await button(page, 'Start').click();
  await page.waitForURL(/\/runs\/[0-9a-f-]{36}$/);
  const runId = page.url().slice(-36);
  const run = await b.developer
    .from('runs')
    .select('input,idempotency_key')
    .eq('id', runId)
    .single();
  expect(run.data).toEqual({ input: { order: 'Z-9' }, idempotency_key: `key of ${name}` });

  // The same key with another input: the refusal of the server, in words with its code.
  await openAppPage(page, `/workflows/${name}/start`);
  await page.getByRole('textbox', { name: 'Order' }).waitFor();
  await button(page, 'More').click();
  await page.getByRole('textbox', { name: 'Idempotency key' }).fill(`key of ${name}`);
  await button(page, 'Start').click();
  await page.getByRole('alert').getByText('Code: conflict').waitFor();
});

test('a person compares versions, publishes, restores, and changes settings', async () => {
  const page = await openPage('dark');
  await signIn(page, 'developer@acme', `/workflows/${name}/versions`);
  await button(page, 'Draft against published').click();
  const tone = (label: string) =>
    page
      .getByRole('group', { name: /^Graph of the changes/ })
      .locator('[data-tone]', { hasText: label });
  await expect.poll(() => tone('third').getAttribute('data-tone'), PATIENT).toBe('added');
  expect(await tone('second').getAttribute('data-tone')).toBe('removed');
  expect(await tone('first').getAttribute('data-tone')).toBe('changed');
  await page.getByText('Changes', { exact: true }).click();
  await page.getByText('Step first (transform) changed').waitFor();
  expect(await page.getByText('config/expression').count()).toBeGreaterThan(0);

  await button(page, 'All versions').click();
  await button(page, 'Publish version 2').click();
  await button(page, 'Publish').click();
  await page.locator('[data-version="2"]').getByText('New runs use it').waitFor();
  await page.getByRole('button', { name: 'Actions for version 1' }).click();
  await page.getByRole('menuitem', { name: 'Restore as draft' }).click();
  await button(page, 'Restore').click();
  await page.locator('[data-version="3"]').waitFor();
  const restored = await b.developer
    .from('workflow_versions')
    .select('definition,workflows!version_workflow_is_of_same_app!inner(kebab_name)')
    .eq('workflows.kebab_name', name)
    .eq('version', 3)
    .single();
  expect(JSON.stringify(restored.data)).toContain('"second"');

  await page.getByRole('tab', { name: 'Settings' }).click();
  await page.getByRole('textbox', { name: 'Description' }).fill('Sorts parcels.');
  await button(page, 'Save').click();
  await page.getByText('The settings are saved.').waitFor();
  await button(page, 'Add a rule').click();
  await page.getByRole('textbox', { name: 'Runs', exact: true }).fill('4');
  await button(page, 'Add rule').click();
  await page.getByText('Concurrency: runs 4, one key for all runs').waitFor();

  await button(page, 'Pause').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
  await button(page, 'Resume').waitFor();
  const paused = await b.developer
    .from('workflows')
    .select('status,description')
    .eq('kebab_name', name)
    .single();
  expect(paused.data).toEqual({ status: 'paused', description: 'Sorts parcels.' });
  await button(page, 'Resume').click();
  await button(page, 'Pause').waitFor();
});

test('the first page shows what needs a person, and the palette starts a workflow', async () => {
  const page = await openPage();
  await signIn(page, 'admin@acme', '');
  for (const title of ['Waiting for me', 'Failing today', 'Standing still', 'Newest runs']) {
    await page.getByRole('heading', { name: new RegExp(`^${title}`) }).waitFor();
  }
  await page.getByRole('term').filter({ hasText: 'Ended runs' }).waitFor();
  await page.keyboard.press('Control+k');
  const search = page.getByRole('textbox', { name: 'Search pages, actions, workflows and runs' });
  await search.fill('invite');
  await page.getByRole('button', { name: 'Invite a member' }).waitFor();
  await search.fill(`start ${name}`);
  await page.getByRole('button', { name: new RegExp(`^Start ${name}`) }).waitFor();
  // Enter takes the first entry.
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: /^Start / }).waitFor();
  await page.getByRole('textbox', { name: 'Order' }).waitFor();
});

test('a viewer reads and finds no action', async () => {
  const page = await openPage();
  await signIn(page, 'viewer@acme', `/workflows/${name}/settings`);
  await page.getByRole('textbox', { name: 'Description' }).waitFor();
  for (const text of ['Save', 'Start', 'Pause', 'Archive', 'Delete', 'Add a rule']) {
    expect(await button(page, text).count()).toBe(0);
  }
  await openAppPage(page, `/workflows/${name}/start`);
  await page.getByRole('textbox', { name: 'Order' }).waitFor();
  expect(await button(page, 'Start').count()).toBe(0);
});
