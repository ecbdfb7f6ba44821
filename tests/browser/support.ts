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
  page.setDefaultTimeout(15_000);
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) blocked.push(message.text());
  });
  await page.goto(url);
  return page;
}

export async function signIn(page: Page, person: Person): Promise<void> {
  const { email, password } = seedUser(person);
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Runs' }).waitFor();
}
