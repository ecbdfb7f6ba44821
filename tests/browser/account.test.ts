// The account of a user: a password is reset by mail, a link in a mail signs in, the password is changed in the profile,
// and two-step sign-in is said to be off where Auth does not offer it.

import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { linkIn, mailTo } from '../support/mail.ts';
import { client } from '../support/stack.ts';
import { pageFaults } from './gates.ts';
import { openPage, openSignIn } from './support.ts';

const email = `account-${randomUUID().slice(0, 8)}@people.example`;
const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();

async function signsIn(password: string): Promise<boolean> {
  const { error } = await client().auth.signInWithPassword({ email, password });
  return error === null;
}

test('a person resets the password, signs in by mail and changes the password', async () => {
  await client().auth.signUp({ email, password: 'first-password' });
  const page = await openSignIn('dark');
  await press(page, 'I forgot my password');
  await page.getByRole('heading', { name: 'Reset your password' }).waitFor();
  await page.getByLabel('E-mail').fill(email);
  await press(page, 'Send the link');
  await page.getByRole('status').getByText(`Open the link in the mail to ${email}`).waitFor();

  const reset = linkIn(await mailTo(email, /^Reset your password/), /\/verify\?/);
  const back = await openPage('light', reset.href);
  await back.getByRole('heading', { name: 'Choose a new password' }).waitFor();
  await back.getByLabel('New password', { exact: true }).fill('short');
  await press(back, 'Save the password');
  await back.getByRole('alert').waitFor();
  await back.getByLabel('New password', { exact: true }).fill('second-password');
  await press(back, 'Save the password');
  await back.getByRole('heading', { name: 'Create your application' }).waitFor();
  expect(await signsIn('second-password')).toBe(true);
  expect(await signsIn('first-password')).toBe(false);

  await press(page, 'Back to the sign-in');
  await press(page, 'Send me a sign-in link');
  await page.getByLabel('E-mail').fill(email);
  await press(page, 'Send the link');
  await page.getByRole('status').getByText('to sign in').waitFor();
  const link = linkIn(await mailTo(email, /^Your sign-in link/), /\/verify\?/);
  const signedIn = await openPage('dark', link.href);
  await signedIn.getByRole('heading', { name: 'Create your application' }).waitFor();

  await signedIn.getByRole('button', { name: 'Account and theme' }).click();
  await signedIn.getByRole('menuitem', { name: 'Profile' }).click();
  await signedIn.getByRole('heading', { name: 'Profile' }).waitFor();
  await signedIn.getByLabel('New password', { exact: true }).fill('third-password');
  await press(signedIn, 'Change the password');
  await signedIn.getByText('The password is changed.').waitFor();
  expect(await signsIn('third-password')).toBe(true);
  await press(signedIn, 'Set up');
  await signedIn.getByText('This project has two-step sign-in switched off.').waitFor();
  expect(await pageFaults(signedIn, ['/-/profile', '/-/new-application'])).toEqual([]);
});
