// The settings in a browser: an admin invites a person, changes a role, creates, rotates and revokes a key, rolls a secret
// back, changes the retention, and finds all of it in the audit log, which verifies.

import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { mailTo } from '../support/mail.ts';
import { client, pool, signedIn } from '../support/stack.ts';
import { openAppPage, openPage, signIn } from './support.ts';

async function act(page: Page, name: string, action: string): Promise<void> {
  await page.getByRole('button', { name: `Actions for ${name}` }).click();
  await page.getByRole('menuitem', { name: action }).click();
}

async function section(page: Page, id: string, heading: string): Promise<void> {
  await openAppPage(page, `/settings/${id}`);
  await page.getByRole('heading', { level: 1, name: heading }).waitFor();
}

/** The key that the dialog shows once. */
async function readKey(page: Page): Promise<string> {
  const dialog = page.getByRole('dialog', { name: /key/ });
  const code = dialog.locator('pre', { hasText: 'sbk_' });
  const key = await code.textContent();
  await dialog.getByRole('button', { name: 'I have stored it' }).click();
  await dialog.waitFor({ state: 'hidden' });
  return key ?? '';
}

test('an admin changes members, keys, secrets and retention, and the audit log shows it', async () => {
  const mark = randomUUID().slice(0, 8);
  const colleague = `colleague-${mark}@members.example`;
  const invited = `guest-${mark}@members.example`;
  const secret = `hook_${mark}`;
  const openMembers = async () => {
    const page = await openPage();
    await signIn(page, 'admin@acme', '/settings/members');
    await page.getByRole('heading', { level: 1, name: 'Members' }).waitFor();
    return page;
  };
  const addColleague = async () => {
    const { data } = await client().auth.signUp({ email: colleague, password: 'right-password' });
    const id = data.user?.id ?? '';
    await pool().query(
      `insert into stepbase.app_members (app_code, user_id, role) values ('acme', $1, 'viewer')`,
      [id],
    );
    return id;
  };
  const colleagueId = await addColleague();
  const [page, admin] = await Promise.all([openMembers(), signedIn('admin@acme')]);
  const before = await admin.from('applications').select('*').eq('app_code', 'acme').single();

  await page.getByRole('button', { name: 'Invite a member' }).click();
  const invitation = page.getByRole('dialog', { name: 'Invite a member' });
  await invitation.getByLabel('E-mail').fill(invited);
  await invitation.getByRole('button', { name: 'Send invitation' }).click();
  await invitation.waitFor({ state: 'hidden' });
  // The mail is on its way meanwhile.
  const mailed = mailTo(invited, /Invitation/);
  await act(page, colleague, 'Change role');
  await page.getByRole('dialog').getByLabel('Role').selectOption('developer');
  await page.getByRole('dialog').getByRole('button', { name: 'Change role' }).click();
  await page.getByText(`${colleague} has the role developer.`).waitFor();
  await mailed;
  await act(page, `the invitation of ${invited}`, 'Revoke');
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.getByText('The invitation is revoked.').waitFor();

  await section(page, 'keys', 'API keys');
  await page.getByRole('button', { name: 'Create a key' }).click();
  const creation = page.getByRole('dialog', { name: 'Create an API key' });
  await creation.getByLabel('Name').fill(`ci-${mark}`);
  await creation.getByRole('checkbox', { name: 'run:read' }).check();
  await creation.getByRole('button', { name: 'Create key' }).click();
  const first = await readKey(page);
  await act(page, `ci-${mark}`, 'Rotate');
  await page.getByRole('dialog').getByRole('button', { name: 'Rotate key' }).click();
  const second = await readKey(page);
  expect(second).not.toBe(first);
  await act(page, `ci-${mark}`, 'Revoke');
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.getByText('The key is revoked.').waitFor();
  await page
    .getByRole('row', { name: `ci-${mark}` })
    .getByText('revoked')
    .waitFor();

  await section(page, 'secrets', 'Secrets');
  for (const [n, value] of ['first value', 'second value'].entries()) {
    if (n === 0) await page.getByRole('button', { name: 'New secret' }).click();
    else await act(page, secret, 'Set a new value');
    const dialog = page.getByRole('dialog');
    if (n === 0) await dialog.getByLabel('Name').fill(secret);
    await dialog.getByRole('textbox', { name: 'Value' }).fill(value);
    await dialog.getByRole('button', { name: 'Store secret' }).click();
    await page.getByText(`${secret} has version ${n + 1}.`).waitFor();
    await dialog.waitFor({ state: 'hidden' });
  }
  await act(page, secret, 'Roll back');
  await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
  await page.getByText(`${secret} has the value of version 1 again.`).waitFor();
  expect(await page.getByRole('main').textContent()).not.toContain('first value');

  await section(page, 'retention', 'Retention');
  const days = (before.data?.event_retention_days ?? 90) - 1;
  await page.getByLabel('Events of runs').fill(String(days));
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The settings are saved.').waitFor();

  await page.setViewportSize({ width: 1440, height: 900 });
  await section(page, 'audit', 'Audit log');
  for (const [table, operation] of [
    ['invitations', 'insert'],
    ['app_members', 'update'],
    ['api_keys', 'insert'],
    ['secrets', 'insert'],
    ['applications', 'update'],
  ]) {
    await page.locator(`[data-audit="${table}:${operation}"]`).first().waitFor();
  }
  await page.locator('[data-audit="applications:update"]').first().getByRole('button').click();
  const change = page.getByRole('dialog').getByRole('row', { name: /event retention days/ });
  expect(await change.textContent()).toContain(String(days));
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  await page.getByRole('button', { name: 'Verify' }).click();
  await page.getByText(/The log is unchanged: its seals \(\d+\) match \d+ rows?/).waitFor();

  await Promise.all([
    admin.rpc('update_application', { event_retention_days: days + 1 }),
    admin.rpc('delete_secret', { name: secret }),
    admin.rpc('remove_member', { user_id: colleagueId }),
  ]);
});
