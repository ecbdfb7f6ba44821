// A real Chromium from the npm registry, for tests and pictures of the web client.

import sparticuz from '@sparticuz/chromium';
import { type Browser, chromium, type Page } from 'playwright-core';

export async function launchBrowser(timeout = 60_000): Promise<Browser> {
  return await chromium.launch({
    executablePath: await sparticuz.executablePath(),
    // In single-process mode it can have one context only; the tests need several users at the same time.
    args: sparticuz.args.filter((arg) => arg !== '--single-process' && arg !== '--no-zygote'),
    headless: true,
    timeout,
  });
}

/** Goes to a page of the client by its fragment, as a link does. */
export async function goTo(page: Page, hash: string): Promise<void> {
  await page.evaluate((next) => {
    location.hash = next;
  }, hash);
}
