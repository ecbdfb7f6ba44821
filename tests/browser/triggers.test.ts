// What starts runs, in a browser: a schedule is created with its times in words, runs now, is paused, and runs for past
// times; a webhook gets signed calls, which are shown and replayed; an event starts a run; a change of a table does.

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { type TestApp, testApp, value } from '../engine/support.ts';
import { scaled } from '../support/time.ts';
import { faults, pageFaults } from './gates.ts';
import { openAppPage, openPage, pasteInto, signIn } from './support.ts';

/** The name that a person reads. */
const title = `Orders ${randomUUID().slice(0, 8)}`;
let b: TestApp;
let workflow: string;
beforeAll(async () => {
  b = await testApp();
  workflow = await b.publish([value('first')], [], { name: title });
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
  // The page of the workflow leads to it.
  await openAppPage(page, `/workflows/${workflow}`);
  await page.getByRole('link', { name, exact: true }).click();
  await details.getByText('The schedule is paused.').waitFor();
  // Seven days have five times of Monday to Friday.
  const local = (days: number) => {
    const at = new Date(Date.now() - days * 86_400_000);
    return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  };
  await details.getByLabel('From (your time zone)').fill(local(8));
  await details.getByLabel('To (your time zone)').fill(local(1));
  await details.getByText(/^5 times, from/).waitFor();
  await details.getByRole('button', { name: 'Start backfill' }).click();
  await details.getByText('5 of 5 times, 5 runs started, 0 failed').waitFor();
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

  // The trigger gets a filter and a fixed part of the input.
  await act(page, event, 'Change');
  const form = page.getByRole('dialog', { name: 'Change the event trigger' });
  await form.getByRole('textbox', { name: 'Filter', exact: true }).fill('[1]');
  await form.getByRole('textbox', { name: 'Input', exact: true }).fill('{"channel": "web"}');
  await form.getByRole('button', { name: 'Save trigger' }).click();
  await form.getByText('It must be a JSON object.').waitFor();
  await pasteInto(form.getByRole('textbox', { name: 'Filter', exact: true }), '{"vip": true}');
  await form.getByRole('button', { name: 'Save trigger' }).click();
  await page.getByText('The trigger is saved.').waitFor();
  const { data: changed } = await b.developer
    .from('workflow_triggers')
    .select('filter,input')
    .eq('event_name', event)
    .single();
  expect(changed).toEqual({ filter: { vip: true }, input: { channel: 'web' } });
  expect(
    await pageFaults(page, ['/schedules', '/webhooks', '/events', '/database-triggers']),
  ).toEqual([]);
});

test('a change of a table starts a run, and one that starts none is listed with its reason', async () => {
  const table = `parcels_${randomUUID().slice(0, 8)}`;
  const own = await b.publish([value('first')], [], {
    input_schema: {
      type: 'object',
      required: ['parcel'],
      properties: { parcel: { type: 'integer', minimum: 10 } },
    },
  });
  await b.db.query(`create table public.${table} (id int primary key)`);
  try {
    await b.db.query(
      `select stepbase.create_database_trigger($1, array['insert'], $2, mapping => '{"parcel": "id"}', app => 'acme')`,
      [`public.${table}`, own],
    );
    await b.db.query(`insert into public.${table} values (12), (5)`);
    const page = await openPage('dark');
    await signIn(page, 'developer@acme', '/database-triggers');
    const row = page.getByRole('row', { name: new RegExp(`insert on (public\\.)?${table}`) });
    await row.getByRole('link', { name: own }).waitFor();
    await row.locator('[data-status="active"]').waitFor();
    const refused = page.getByRole('row').filter({ hasText: 'insert, 1 row' });
    await refused
      .filter({ hasText: /parcel/ })
      .first()
      .waitFor();
    await openAppPage(page, `/runs?workflow=${own}&trigger=database`);
    await page.locator('tr[data-run]', { hasText: 'parcel 12' }).waitFor();
    expect(await page.locator('tr[data-run]').count()).toBe(1);
  } finally {
    await b.db.query(`drop table public.${table}`);
  }
});
