// The link of an invitation in a browser: a person creates an account with the invited address and accepts; another
// account is told that the invitation is not for it.

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { linkIn, mailTo } from '../support/mail.ts';
import { client, pool, signedIn, stackInfo } from '../support/stack.ts';
import { openPage } from './support.ts';

test('a person follows the link, creates an account and accepts', async () => {
  const mark = randomUUID().slice(0, 8);
  const email = `invited-${mark}@members.example`;
  const db = pool();
  const app = `invited-x${mark}`;
  const admin = await signedIn('admin@acme');
  const { data } = await admin.auth.getUser();
  await db.query(
    `with o as (insert into stepbase.organizations (slug, name) values ($1, $1) returning id)
     insert into stepbase.applications (app_code, organization_id, name) select $1, o.id, 'Browser Shop' from o`,
    [app],
  );
  // An operator's invitation, so that the active application of a person of the seed stays the same.
  await db.query(
    `with i as (
       insert into stepbase.invitations (app_code, email, role, invited_by, is_by_operator, expires_at)
       values ($1, $2, 'viewer', $3, true, now() + interval '7 days') returning *
     )
     select stepbase_private.mail_invitation(i::stepbase.invitations) from i`,
    [app, email, data.user?.id],
  );
  const link = linkIn(await mailTo(email, /Invitation to Browser Shop/), /\/invitation\?/);

  const other = await openPage('light', link.href);
  const stranger = `stranger-${mark}@members.example`;
  await client().auth.signUp({ email: stranger, password: 'right-password' });
  await other.getByLabel('E-mail').fill(stranger);
  await other.getByLabel('Password', { exact: true }).fill('right-password');
  await other.getByRole('button', { name: 'Sign in' }).click();
  await other.getByText('The invitation is for another address').waitFor();
  await other.getByRole('button', { name: 'Use another account' }).click();
  await other.getByLabel('E-mail').waitFor();

  const page = await openPage('dark', link.href);
  await page.getByRole('button', { name: 'I have no account yet' }).click();
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill('right-password');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByText('Browser Shop').waitFor();
  await page.getByRole('button', { name: 'Accept' }).click();
  await page.getByRole('navigation').getByRole('link', { name: 'Runs' }).waitFor();
  expect(await page.getByLabel('Application').inputValue()).toBe(app);
  expect(new URL(page.url()).origin).toBe(new URL(stackInfo().web_url).origin);
});

test('the page of the mails lists a mail and opens it', async () => {
  const email = `mail-page-${randomUUID()}@members.example`;
  await client().auth.signUp({ email, password: 'right-password' });
  await client().auth.resetPasswordForEmail(email);
  await mailTo(email, /Reset/);
  const page = await openPage('dark', `${stackInfo().mail_url}?to=${encodeURIComponent(email)}`);
  await page.setViewportSize({ width: 360, height: 700 });
  await page.getByRole('link', { name: /Reset your password/ }).click();
  await page.getByRole('heading', { name: 'Reset your password' }).waitFor();
  const link = page.frameLocator('iframe').getByRole('link', { name: /reset your password/ });
  expect(await link.getAttribute('href')).toContain('/auth/v1/verify?');
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(width).toBeLessThanOrEqual(360);
  await page.getByRole('button', { name: 'Delete this mail' }).click();
  await page.getByRole('heading', { name: 'Mail', exact: true }).waitFor();
});
