// A real Chromium from the npm registry, for tests and pictures of the web client.

import sparticuz from '@sparticuz/chromium';
import { type Browser, chromium, type Page } from 'playwright-core';

/**
 * Arguments of the package that are not used here. In single-process mode a browser can have one context only; the tests
 * need several users at the same time. A GPU in software needs more processor time than the pages themselves. And the
 * client has to work in a browser that checks origins.
 */
const UNWANTED =
  /^--(single-process|no-zygote|ignore-gpu-blocklist|in-process-gpu|use-gl|use-angle|enable-unsafe-swiftshader|disable-web-security|allow-running-insecure-content)\b/;

export async function launchBrowser(timeout = 60_000): Promise<Browser> {
  return await chromium.launch({
    executablePath: await sparticuz.executablePath(),
    args: [...sparticuz.args.filter((arg) => !UNWANTED.test(arg)), '--disable-gpu'],
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
