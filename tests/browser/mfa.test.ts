// Two-step sign-in where Auth offers it: a person sets up an authenticator app in the profile, the next sign-in asks for
// its code, also after a session that ended by itself, and the person turns it off. tests/browser/account.test.ts has the
// profile where Auth does not offer it.

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { stackInfo } from '../support/stack.ts';
import { faults } from './gates.ts';
import { CODE, offerSecondFactor, SECRET } from './mfa-auth.ts';
import { endSession, newMember, openPage } from './support.ts';

const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();

async function enterPassword(page: Page, email: string, password: string): Promise<void> {
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await press(page, 'Sign in');
}

/** A member of the menu of the user. */
async function choose(page: Page, item: string): Promise<void> {
  await press(page, 'Account and theme');
  await page.getByRole('menuitem', { name: item }).click();
}

test('a person sets up an authenticator app, signs in with its code and turns it off', async () => {
  const { email, password } = await newMember(['acme'], 'viewer');
  const page = await openPage('dark');
  // Before the page goes anywhere: a route that is set while a page is replaced by another one can stay without effect.
  await offerSecondFactor(page.context());
  await page.goto(stackInfo().web_url);
  await enterPassword(page, email, password);
  await choose(page, 'Profile');

  // The picture is one that the policy of the page lets through.
  await press(page, 'Set up');
  const picture = page.getByRole('img', { name: 'The key as a QR code' });
  await picture.waitFor();
  await expect
    .poll(() => picture.evaluate((each: HTMLImageElement) => each.naturalWidth))
    .toBe(210);
  await page.getByText(SECRET).waitFor();
  expect(await faults(page, 'the setup of a second factor')).toEqual([]);
  const code = page.getByLabel('Code that the app shows');
  await code.fill('000000');
  await press(page, 'Turn on');
  await page.getByRole('alert').getByText('The code is wrong or has expired').waitFor();
  await code.fill(CODE);
  await press(page, 'Turn on');
  await page.getByText('Two-step sign-in is on.').waitFor();
  await page.getByText('Authenticator app, added').waitFor();

  // The password alone opens no page.
  await choose(page, 'Sign out');
  await enterPassword(page, email, password);
  await page.getByRole('heading', { name: 'Enter your code' }).waitFor();
  expect(await page.getByRole('navigation').count()).toBe(0);
  expect(await faults(page, 'the code of a second factor')).toEqual([]);
  await page.getByLabel('Digit 1 of the code').focus();
  await page.keyboard.type('000000');
  await page.getByRole('alert').getByText('The code is wrong or has expired').waitFor();
  await page.getByLabel('Digit 1 of the code').focus();
  await page.keyboard.type(CODE);
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();

  await choose(page, 'Profile');
  await press(page, 'Turn off');
  await page.getByRole('dialog').getByRole('button', { name: 'Turn off' }).click();
  await page.getByRole('button', { name: 'Set up', exact: true }).waitFor();
});

test('a person whose session has ended enters the code, and the page stays', async () => {
  const { email, password } = await newMember(['acme'], 'viewer');
  const page = await openPage();
  await offerSecondFactor(page.context(), true);
  await page.clock.install();
  await page.goto(stackInfo().web_url);
  await enterPassword(page, email, password);
  await page.getByLabel('Digit 1 of the code').focus();
  await page.keyboard.type(CODE);
  await page.locator('#main[data-page="/acme"][aria-busy="false"]').waitFor();
  await page.evaluate(() => document.querySelector('#main')?.setAttribute('data-kept', ''));

  const dialog = await endSession(page);
  // The next token has not expired at this time.
  await page.clock.setSystemTime(Date.now());
  await dialog.getByLabel('Password', { exact: true }).fill(password);
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await dialog.getByLabel('Digit 1 of the code').focus();
  expect(await faults(page, 'the code after the end of a session')).toEqual([]);
  await page.keyboard.type(CODE);
  await dialog.waitFor({ state: 'detached' });
  await page.locator('#main[data-kept]').waitFor();
});
