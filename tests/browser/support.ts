// A real Chromium from the npm registry, with one page for each test that is always closed.

import sparticuz from '@sparticuz/chromium';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { keepCoverage, startCoverage } from '../../scripts/coverage/page.ts';
import { type Person, seedUser, stackInfo } from '../support/stack.ts';
import { scaled } from '../support/time.ts';

let browser: Browser;

beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: await sparticuz.executablePath(),
    // In single-process mode it can have one context only; the tests need two users at the same time.
    args: sparticuz.args.filter((arg) => arg !== '--single-process' && arg !== '--no-zygote'),
    headless: true,
    timeout: scaled(60_000),
  });
});

afterAll(() => browser?.close());

/** What the Content-Security-Policy of the web client has blocked. */
const blocked: string[] = [];

const pages: Page[] = [];

afterEach(async () => {
  for (const page of pages.splice(0)) {
    await keepCoverage(page);
    await page.context().close();
  }
  expect(blocked.splice(0)).toEqual([]);
});

export async function openPage(
  colorScheme: 'light' | 'dark' = 'light',
  url = stackInfo().web_url,
): Promise<Page> {
  const context = await browser.newContext({
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
  await page.goto(url);
  return page;
}

/** Opens a page of the active application, `/runs`, or one outside of an application, `/-/profile`. */
export async function openAppPage(page: Page, path: string): Promise<void> {
  await page.locator('#main[data-page^="/"]').waitFor();
  await page.waitForURL(/#\/[a-z-]/);
  const [, app = ''] = /^#\/([^/?]+)/.exec(new URL(page.url()).hash) ?? [];
  const address = path.startsWith('/-/') ? path : `/${app}${path === '/' ? '' : path}`;
  await page.evaluate((hash) => {
    location.hash = hash;
  }, `#${address}`);
  // The address is ahead of the page while its code is loaded.
  const [shown = ''] = address.split('?');
  await page.locator(`#main[data-page="${shown}"][aria-busy="false"]`).waitFor();
}

/** Signs in and opens a page of the active application, the list of runs by default. */
export async function signIn(page: Page, person: Person, path = '/runs'): Promise<void> {
  const { email, password } = seedUser(person);
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await openAppPage(page, path);
  await page.getByRole('heading', { level: 1 }).waitFor();
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
