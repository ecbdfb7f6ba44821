// The settings in a browser: a viewer reads the sections on a phone and sees no action; an admin creates an alert, and a
// run that fails sends its mail.

import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { failing, type Node, node } from '../engine/support.ts';
import { mailTo } from '../support/mail.ts';
import { client, type StackClient } from '../support/stack.ts';
import { openAppPage, openPage, openSignIn, signIn } from './support.ts';

async function section(page: Page, id: string, heading: string): Promise<void> {
  await openAppPage(page, `/settings/${id}`);
  await page.getByRole('heading', { level: 1, name: heading }).waitFor();
}

test('a viewer reads the settings and sees no action', async () => {
  const page = await openPage('dark');
  await page.setViewportSize({ width: 390, height: 800 });
  await signIn(page, 'viewer@acme', '/settings/members');
  await page.getByText('admin@acme').first().waitFor();
  expect(await page.getByRole('button', { name: /Actions for|Invite/ }).count()).toBe(0);
  expect(await page.getByRole('columnheader', { name: 'Last sign-in' }).count()).toBe(0);
  for (const [id, heading] of [
    ['roles', 'Roles'],
    ['components', 'Components'],
    ['prompts', 'Prompts'],
    ['queues', 'Queues and limits'],
    ['models', 'Model budgets'],
    ['retention', 'Retention'],
    ['alerts', 'Alerts'],
  ] as const) {
    await section(page, id, heading);
    await page.getByRole('status', { name: 'Loading' }).last().waitFor({ state: 'hidden' });
    const changes = /^(New|Save|Set|Edit|Delete|Create|Invite|Actions for the role)/;
    expect(await page.getByRole('main').getByRole('button', { name: changes }).count()).toBe(0);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBeLessThanOrEqual(390);
  }
  await section(page, 'audit', 'Audit log');
  await page.getByText('It needs the permission audit:read.').waitFor();
});

/** An admin of a new application on the page of its alerts; `create` fills in the form of an alert that sends a mail. */
async function alertsOf(name: string) {
  const mark = randomUUID().slice(0, 8);
  const owner = { email: `owner-${mark}@alerts.example`, password: randomUUID() };
  const admin = client();
  await admin.auth.signUp(owner);
  const { data: made } = await admin.rpc('create_organization', { slug: mark, name: 'Alerts' });
  const app = `${name}-${mark}`;
  await admin
    .rpc('create_application', { app_code: app, name: 'Alerts', organization_id: made?.id ?? '' })
    .throwOnError();
  await admin.auth.refreshSession();

  const page = await openSignIn();
  await page.getByLabel('E-mail').fill(owner.email);
  await page.getByLabel('Password', { exact: true }).fill(owner.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await openAppPage(page, '/settings/alerts');
  const dialog = page.getByRole('dialog', { name: 'New alert' });
  const create = async (to: string, event = 'run.failed') => {
    await page.getByRole('button', { name: 'New alert' }).click();
    await dialog.getByLabel('When').selectOption(event);
    await dialog.getByRole('textbox', { name: 'To', exact: true }).fill(to);
    await dialog.getByRole('button', { name: 'Create alert' }).click();
  };
  return { mark, app, admin, page, dialog, create };
}

async function publish(admin: StackClient, kebab_name: string, nodes: Node[]): Promise<void> {
  const definition = { nodes, edges: [] };
  const { data } = await admin.rpc('save_workflow', { kebab_name, definition }).throwOnError();
  await admin.rpc('publish_workflow', { workflow_version_id: data?.id ?? '' }).throwOnError();
}

test('an admin creates an alert, and a run that fails sends its mail', async () => {
  const { mark, admin, page, dialog, create } = await alertsOf('alerts');
  const alert = 'alert-run-failed-mail';
  await create(`ops-${mark}@alerts.example`);
  await page.getByText(`The alert ${alert} is on.`).waitFor();
  const row = page.getByRole('row', { name: new RegExp(`A run failed.*${alert}`) });
  await row.getByText('Never').waitFor();
  // A second alert for the same event does not take the workflow of the first one.
  await create(`others-${mark}@alerts.example`);
  await dialog.getByText(`A workflow is already called ${alert}.`).waitFor();
  await dialog.getByLabel('Workflow').fill('alert-others');
  await dialog.getByRole('button', { name: 'Create alert' }).click();
  await page.getByText('The alert alert-others is on.').waitFor();

  await publish(admin, 'charges', [failing('charge')]);
  await admin.rpc('start_run', { workflow: 'charges' }).throwOnError();
  for (const name of ['ops', 'others']) {
    const mail = await mailTo(`${name}-${mark}@alerts.example`, /^run\.failed$/);
    expect(mail.text).toContain('charges');
  }
  await row.getByText('Never').waitFor({ state: 'detached' });
  await row.getByRole('switch').press('Space');
  await page.getByText('The alert is saved.').waitFor();
});

test('a task announces itself with a link', async () => {
  const { app, admin, page, create, mark } = await alertsOf('tasks');
  await create(`ops-${mark}@alerts.example`, 'task.created');
  await page.getByText('The alert alert-task-created-mail is on.').waitFor();
  const approval = node('pay', 'wait_for_approval', { title: 'Pay 7?', role: 'admin' });
  await publish(admin, 'payments', [approval]);
  await admin.rpc('start_run', { workflow: 'payments' }).throwOnError();
  const mail = await mailTo(`ops-${mark}@alerts.example`, /^payments waits for: Pay 7\?$/);
  const [link = ''] = /http\S+/.exec(mail.text ?? '') ?? [];
  expect(link).toContain(`#/${app}/tasks/`);
  await page.goto(link);
  await page.getByRole('heading', { level: 1, name: 'Pay 7?' }).waitFor();
});
