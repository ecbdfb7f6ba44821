// The settings in a browser: a viewer reads the sections on a phone and sees no action; an admin creates an alert, and a
// run that fails sends its mail.

import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { failing } from '../engine/support.ts';
import { mailTo } from '../support/mail.ts';
import { client } from '../support/stack.ts';
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

test('an admin creates an alert, and a run that fails sends its mail', async () => {
  const mark = randomUUID().slice(0, 8);
  const owner = { email: `owner-${mark}@alerts.example`, password: randomUUID() };
  const admin = client();
  await admin.auth.signUp(owner);
  const { data: made } = await admin.rpc('create_organization', { slug: mark, name: 'Alerts' });
  const app = { app_code: `alerts-${mark}`, name: 'Alerts', organization_id: made?.id ?? '' };
  await admin.rpc('create_application', app).throwOnError();

  const page = await openSignIn();
  await page.getByLabel('E-mail').fill(owner.email);
  await page.getByLabel('Password', { exact: true }).fill(owner.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await openAppPage(page, '/settings/alerts');
  const dialog = page.getByRole('dialog', { name: 'New alert' });
  const create = async (to: string) => {
    await page.getByRole('button', { name: 'New alert' }).click();
    await dialog.getByRole('textbox', { name: 'To', exact: true }).fill(to);
    await dialog.getByRole('button', { name: 'Create alert' }).click();
  };
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

  await admin.auth.refreshSession();
  const definition = { nodes: [failing('charge')], edges: [] };
  const { data: draft } = await admin
    .rpc('save_workflow', { kebab_name: 'charges', definition })
    .throwOnError();
  await admin.rpc('publish_workflow', { workflow_version_id: draft?.id ?? '' }).throwOnError();
  await admin.rpc('start_run', { workflow: 'charges' }).throwOnError();
  for (const name of ['ops', 'others']) {
    const mail = await mailTo(`${name}-${mark}@alerts.example`, /^run\.failed$/);
    expect(mail.text).toContain('charges');
  }
  await row.getByText('Never').waitFor({ state: 'detached' });
  await row.getByRole('switch').press('Space');
  await page.getByText('The alert is saved.').waitFor();
});
