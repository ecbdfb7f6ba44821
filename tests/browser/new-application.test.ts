// A new user in the browser: creates an account and an application, and sees why a link or a code is refused. The pages
// fit into a narrow window.

import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { linkIn, mailTo } from '../support/mail.ts';
import { client, stackInfo } from '../support/stack.ts';
import { openPage } from './support.ts';

const mark = randomUUID().slice(0, 8);
const address = (name: string) => `${name}-${mark}@founders.example`;
const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();

async function openNarrow(colors: 'light' | 'dark', url = stackInfo().web_url): Promise<Page> {
  const page = await openPage(colors, url);
  await page.setViewportSize({ width: 360, height: 740 });
  return page;
}

async function expectFit(page: Page): Promise<void> {
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(width).toBeLessThanOrEqual(360);
}

async function createAccount(page: Page, email: string): Promise<void> {
  await press(page, 'I have no account yet');
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill('right-password');
  await press(page, 'Create account');
}

test('a new user creates an account and an application', async () => {
  const page = await openNarrow('dark');
  await createAccount(page, address('founder'));
  await page.getByRole('heading', { name: 'Create your application' }).waitFor();
  await expectFit(page);
  await page.getByLabel('Name').fill(`Bäckerei & Café ${mark}`);
  const code = page.getByLabel('Code');
  expect(await code.inputValue()).toBe(`backerei-cafe-${mark}`);
  await code.fill('acme');
  await press(page, 'Create application');
  await page.getByText('The code acme is taken; choose another.').waitFor();
  await code.fill(`bakery-${mark}`);
  await press(page, 'Create application');
  await page.getByRole('heading', { name: `Bäckerei & Café ${mark}` }).waitFor();
  expect(await page.getByLabel('Application').inputValue()).toBe(`bakery-${mark}`);
  await expectFit(page);
});

test('an invited user finds the invitation without its mail, and by a link that signs in', async () => {
  const email = address('invited');
  const founder = client();
  await founder.auth.signUp({ email: address('host'), password: 'right-password' });
  const company = await founder.rpc('create_organization', { slug: `host-${mark}`, name: 'Host' });
  await founder.rpc('create_application', {
    app_code: `host-${mark}`,
    name: 'Host Shop',
    organization_id: company.data?.id ?? '',
  });
  await founder.auth.refreshSession();
  expect((await founder.rpc('invite_member', { email })).error).toBeNull();
  const invitation = linkIn(await mailTo(email, /^Invitation to Host Shop/), /\/invitation\?/);
  const page = await openNarrow('light');
  await createAccount(page, email);
  await page.getByText('You are invited to Host Shop').waitFor();
  await expectFit(page);

  // A confirmation leads back in the same way.
  await client().auth.resetPasswordForEmail(email, { redirectTo: invitation.href });
  const reset = linkIn(await mailTo(email, /^Reset your password/), /\/verify\?/);
  const back = await openNarrow('dark', reset.href);
  await back.getByRole('button', { name: 'Accept' }).waitFor();
  await back.getByText(`Signed in as ${email}`).waitFor();
  await expectFit(back);
});

test('a link that is not valid says so', async () => {
  const page = await openNarrow('light', `${stackInfo().web_url}/invitation?token=unknown`);
  await createAccount(page, address('lost'));
  await page.getByText('This link is not valid').waitFor();
  await expectFit(page);
  const expired = new URLSearchParams({
    error: 'access_denied',
    error_code: 'otp_expired',
    error_description: 'Email link is invalid or has expired',
  });
  const late = await openNarrow('dark', `${stackInfo().web_url}/invitation?token=x#${expired}`);
  await late.getByRole('alert').getByText('Email link is invalid or has expired').waitFor();
});
