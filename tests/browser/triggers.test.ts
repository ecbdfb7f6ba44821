// What starts runs, in a browser: a schedule is created with its times in words, runs now and is paused; a webhook gets
// signed calls, which are shown and replayed; an event starts a run.

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { testApp, value } from '../engine/support.ts';
import { scaled } from '../support/time.ts';
import { faults, pageFaults } from './gates.ts';
import { openAppPage, openPage, signIn } from './support.ts';

/** The name that a person reads. */
const title = `Orders ${randomUUID().slice(0, 8)}`;
let workflow: string;
beforeAll(async () => {
  workflow = await (await testApp()).publish([value('first')], [], { name: title });
});

const PATIENT = { timeout: scaled(10_000) };

async function act(page: Page, name: string, action: string): Promise<void> {
  await page.getByRole('button', { name: `Actions for ${name}` }).click();
  await page.getByRole('menuitem', { name: action }).click();
}

async function choose(page: Page, label: string): Promise<void> {
  const field = page.getByRole('dialog').getByRole('combobox', { name: label });
  await field.fill(title);
  await page.getByRole('option', { name: title }).click();
}

test('a developer creates a schedule, runs it now and pauses it', async () => {
  const name = `Morning ${randomUUID().slice(0, 8)}`;
  const page = await openPage();
  await signIn(page, 'developer@acme', '/schedules');
  await page.getByRole('button', { name: 'New schedule' }).click();
  const dialog = page.getByRole('dialog', { name: 'New schedule' });
  await choose(page, 'Workflow');
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByLabel('Cron expression').fill('nonsense');
  await dialog.getByText('Enter five fields').waitFor();
  await dialog.getByLabel('Cron expression').fill('30 2 * * mon-fri');
  await dialog.getByRole('combobox', { name: 'Time zone' }).fill('Europe/Berlin');
  await page.getByRole('option', { name: 'Europe/Berlin' }).click();
  await dialog.getByText('At 02:30, Monday through Friday').waitFor();
  const times = dialog.getByRole('list', { name: 'Next times' }).getByRole('listitem');
  expect(await times.allTextContents()).toEqual(Array(5).fill(expect.stringMatching(/2:30.*GMT/)));
  await dialog.getByText('The clocks of Europe/Berlin change next').waitFor();
  expect(await faults(page, 'schedule form')).toEqual([]);
  await dialog.getByRole('button', { name: 'Create schedule' }).click();
  await page.getByText('The schedule is created.').waitFor();

  const row = page.locator('[data-schedule]', { hasText: name });
  await row.locator('[data-status="active"]').waitFor();
  await act(page, name, 'Run now');
  await page.getByText('The schedule started a run.').waitFor();
  await page.waitForURL(/\/runs\/[0-9a-f-]{36}/);
  await openAppPage(page, '/schedules');
  await act(page, name, 'Pause');
  await row.locator('[data-status="paused"]').waitFor();
  await row.getByRole('button', { name, exact: true }).click();
  const details = page.getByRole('dialog', { name });
  await details.getByText('The schedule is paused.').waitFor();
  await details.getByText('run now').waitFor();
  await details.locator('[data-status="started"]').waitFor();
  expect(await faults(page, 'schedule')).toEqual([]);
});

test('a developer creates a webhook, sees its calls and replays one', async () => {
  const name = `Shop ${randomUUID().slice(0, 8)}`;
  const page = await openPage('dark');
  await signIn(page, 'developer@acme', '/webhooks');
  await page.getByRole('button', { name: 'New webhook' }).click();
  await choose(page, 'Workflow');
  await page.getByRole('dialog').getByLabel('Name').fill(name);
  await page.getByRole('dialog').getByRole('button', { name: 'Create webhook' }).click();
  const shown = page.getByRole('dialog', { name: 'The signing secret' });
  const secret = await shown.locator('pre').textContent();
  await shown.getByRole('button', { name: 'I have stored it' }).click();
  await shown.waitFor({ state: 'hidden' });

  await page.getByRole('button', { name, exact: true }).click();
  const details = page.getByRole('dialog', { name });
  await details.getByText('No calls yet').waitFor();
  // The command of the page, as a person runs it.
  const command = (await details.getByLabel('Signed call').textContent()) ?? '';
  const send = async (given: string) =>
    (await promisify(execFile)('bash', ['-c', command.replace('…', given)])).stdout;
  expect(JSON.parse(await send(secret ?? ''))).toHaveProperty('run_id');
  expect(JSON.parse(await send('whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'))).toHaveProperty('code');
  const calls = (verdict: string) => details.locator(`li[data-verdict="${verdict}"]`);
  await details.getByRole('button', { name: 'Refresh' }).click();
  await calls('started').getByText('Started a run').waitFor();
  await calls('bad_signature').getByText('Signature not valid').waitFor();
  await calls('started').getByRole('button', { name: 'Show content' }).click();
  await calls('started').getByText('test: ').waitFor();
  expect(await calls('bad_signature').getByRole('button', { name: 'Replay' }).count()).toBe(0);
  await calls('started').getByRole('button', { name: 'Replay' }).click();
  await page.getByText('The replay started a run.').waitFor();
  await expect.poll(() => calls('started').count(), PATIENT).toBe(2);
  expect(await faults(page, 'webhook')).toEqual([]);
});

test('an event that a developer emits starts a run', async () => {
  const event = `order.e${randomUUID().slice(0, 8)}`;
  const page = await openPage();
  await signIn(page, 'developer@acme', '/events');
  await page.getByRole('button', { name: 'New event trigger' }).click();
  await page.getByRole('dialog').getByRole('textbox', { name: 'Event', exact: true }).fill(event);
  await choose(page, 'Workflow to start');
  await page.getByRole('dialog').getByRole('button', { name: 'Create trigger' }).click();
  await page.getByText('The trigger is created.').waitFor();
  await page.getByRole('button', { name: 'Emit an event' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill(event);
  await page.getByRole('dialog').getByRole('button', { name: 'Emit event' }).click();
  await page.getByText('The event is emitted.').waitFor();
  const item = page.locator(`li[data-event="${event}"]`);
  await item.getByRole('link', { name: workflow }).waitFor();
  await item.getByRole('button', { name: 'Show payload' }).click();
  expect(
    await pageFaults(page, ['/schedules', '/webhooks', '/events', '/database-triggers']),
  ).toEqual([]);
});
