// A real Chromium from the npm registry. The files of a worker share one browser; each page has a context of its own,
// with its own storage, and is closed after its test.

import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import type { Browser, Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { keepCoverage, startCoverage } from '../../scripts/coverage/page.ts';
import { createStackClient, type StackAddress } from '../../scripts/stack/client.ts';
import { launchBrowser } from '../../scripts/web/browser.ts';
import { client, type Person, pool, seedUser, stackInfo } from '../support/stack.ts';
import { scaled } from '../support/time.ts';

let launched: Promise<Browser> | undefined;

/** The browser of this worker; it ends with the worker. A browser that has crashed is replaced. */
async function browser(): Promise<Browser> {
  const known = await launched?.catch(() => undefined);
  if (known?.isConnected()) return known;
  launched = launchBrowser(scaled(60_000));
  return await launched;
}

/** What the Content-Security-Policy of the web client has blocked. */
const blocked: string[] = [];

const pages: Page[] = [];

const PRINTED = 3_000;

/** Prints what the open pages show: a failure that does not come again is understood from it. */
export async function printPages(): Promise<void> {
  for (const page of pages) {
    const text = await page
      .locator('body')
      .ariaSnapshot({ timeout: scaled(2_000) })
      .catch(String);
    console.log(`the page at ${page.url()} shows:\n${text.slice(0, PRINTED)}`);
  }
}

/** tests/browser/setup.ts calls it after each test. */
export async function closePages(): Promise<void> {
  for (const page of pages.splice(0)) {
    await keepCoverage(page);
    await page.context().close();
  }
  expect(blocked.splice(0)).toEqual([]);
}

/** A page in a context of its own, at the address or empty: signIn() opens the client then. */
export async function openPage(
  colorScheme: 'light' | 'dark' = 'light',
  url?: string,
): Promise<Page> {
  const context = await (await browser()).newContext({
    viewport: { width: 1360, height: 820 },
    colorScheme,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  pages.push(page);
  await startCoverage(page);
  page.setDefaultTimeout(scaled(15_000));
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) blocked.push(message.text());
  });
  // A test waits for the parts of the page that it uses.
  if (url !== undefined) await page.goto(url, { waitUntil: 'commit' });
  return page;
}

/** The sign-in page of the shared stack. */
export const openSignIn = (colorScheme?: 'light' | 'dark'): Promise<Page> =>
  openPage(colorScheme, stackInfo().web_url);

/** Opens a page of the active application, `/runs`, or one outside of an application, `/-/profile`. */
export async function openAppPage(page: Page, path: string): Promise<void> {
  await page.locator('#main[data-page^="/"]').waitFor();
  await page.waitForURL(/#\/[a-z-]/);
  const address = addressIn(await appOf(page), path);
  await page.evaluate((hash) => {
    location.hash = hash;
  }, `#${address}`);
  await shown(page, address);
}

/** The claims of the session that the page has stored. */
async function claimsIn(page: Page): Promise<{ app_code?: string; session_id?: string }> {
  const token = await page.evaluate(() => {
    const name = Object.keys(localStorage).find((each) => each.endsWith('-auth-token'));
    const stored = JSON.parse(localStorage.getItem(name ?? '') ?? '{}') as Record<string, string>;
    return stored.access_token ?? '';
  });
  return decodeJwt(token);
}

/** The application in the address; outside of applications, the one of the session. */
export async function appOf(page: Page): Promise<string> {
  const [, app = '-'] = /^#\/([^/?]+)/.exec(new URL(page.url()).hash) ?? [];
  return app === '-' ? ((await claimsIn(page)).app_code ?? '') : app;
}

/** Ends the session of a page whose clock can be moved. Returns the dialog about it. */
export async function endSession(page: Page): Promise<Locator> {
  const { session_id: id } = await claimsIn(page);
  const { rowCount } = await pool().query('delete from auth.sessions where id = $1', [id]);
  expect(rowCount).toBe(1);
  await page.clock.fastForward('02:00:00');
  const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
  await dialog.waitFor();
  return dialog;
}

/** Waits until the place of the page is that of the address; what was there before is gone then. */
export async function arrived(page: Page, address: string): Promise<void> {
  const [place = ''] = address.split('?');
  await page.locator(`#main[data-page="${place}"]`).waitFor();
}

const addressIn = (app: string, path: string) =>
  path.startsWith('/-/') ? path : `/${app}${path === '/' ? '' : path}`;

/** The address is ahead of the page while its code is loaded. */
async function shown(page: Page, address: string): Promise<void> {
  const [place = ''] = address.split('?');
  await page.locator(`#main[data-page="${place}"][aria-busy="false"]`).waitFor();
}

/** A user of the seed, or one that the test has made. */
export interface Account {
  email: string;
  password: string;
  /** The application to open. */
  app_code: string;
}

/** A new user who is a member of these applications, so that a test does not share the active one with others. */
export async function newMember(apps: readonly string[], role: string): Promise<Account> {
  const account = {
    email: `member-${randomUUID()}@people.example`,
    password: randomUUID(),
    app_code: apps[0] ?? '',
  };
  const { data, error } = await client().auth.signUp(account);
  if (error) throw error;
  await pool().query(
    `insert into stepbase.app_members (app_code, user_id, role, accepted_at)
     select a, $2, $3, now() from unnest($1::text[]) a`,
    [apps, data.user?.id, role],
  );
  return account;
}

/** A new session of the user, as the client of the page keeps it in the storage of the browser. */
async function sessionOf(
  { email, password }: Account,
  stack: StackAddress,
): Promise<Record<string, string>> {
  const stored: Record<string, string> = {};
  const storage = {
    getItem: (name: string) => stored[name] ?? null,
    setItem: (name: string, value: string) => {
      stored[name] = value;
    },
    removeItem: (name: string) => {
      delete stored[name];
    },
  };
  const { auth } = createStackClient(stack, {
    auth: { storage, persistSession: true, autoRefreshToken: false },
  });
  const { error } = await auth.signInWithPassword({ email, password });
  if (error) throw error;
  return stored;
}

/** The small script with which the client is served: the address of its stack. */
async function configAt(origin: string): Promise<StackAddress> {
  const script = await (await fetch(`${origin}/config.js`)).text();
  return JSON.parse(script.slice(script.indexOf('{'))) as StackAddress;
}

/**
 * Opens a page of the person's application as a window that is signed in, the list of runs by default. The form of the
 * sign-in has tests of its own (signInByForm).
 */
export async function signIn(page: Page, person: Person | Account, path = '/runs'): Promise<void> {
  const account = typeof person === 'string' ? seedUser(person) : person;
  const isOpen = page.url().startsWith('http');
  const { origin } = new URL(isOpen ? page.url() : stackInfo().web_url);
  // The storage belongs to the origin. This document of it loads nothing.
  const place = `${origin}/config.js`;
  const [stored] = await Promise.all([
    configAt(origin).then((stack) => sessionOf(account, stack)),
    isOpen ? undefined : page.goto(place),
  ]);
  const address = addressIn(account.app_code, path);
  await page.evaluate((entries) => {
    for (const [name, value] of entries) localStorage.setItem(name, value);
  }, Object.entries(stored));
  if (isOpen) {
    await page.evaluate((hash) => history.replaceState(null, '', hash), `/#${address}`);
    await page.reload({ waitUntil: 'commit' });
  } else {
    await page.goto(`${origin}/#${address}`, { waitUntil: 'commit' });
  }
  await shown(page, address);
  await page.getByRole('heading', { level: 1 }).waitFor();
}

/** Signs in as a person does, and opens the list of runs. */
export async function signInByForm(page: Page, person: Person): Promise<void> {
  const { email, password } = seedUser(person);
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await openAppPage(page, '/runs');
  await page.getByRole('heading', { level: 1 }).waitFor();
}

/**
 * Replaces the text of an editor for code as a person does who pastes. Chromium itself would give typed text the style of
 * the text that it replaces, which the policy of the page blocks.
 */
export async function pasteInto(editor: Locator, text: string): Promise<void> {
  await editor.press('Control+a');
  await editor.evaluate((element, pasted) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', pasted);
    const init = { clipboardData, bubbles: true, cancelable: true };
    element.dispatchEvent(new ClipboardEvent('paste', init));
  }, text);
}

/** The navigation; in a narrow window it is in a drawer. */
export async function openNavigation(page: Page): Promise<void> {
  const menu = page.getByRole('button', { name: 'Open the menu' });
  if (await menu.isVisible()) await menu.click();
}

export async function chooseTheme(page: Page, theme: 'System' | 'Light' | 'Dark'): Promise<void> {
  await page.getByRole('button', { name: 'Account and theme' }).click();
  await page.getByRole('menuitemradio', { name: theme }).click();
}
