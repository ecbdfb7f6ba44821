// `npm run shots`: a picture of every page of the web client, in both themes and in wide and narrow windows, in the
// folder shots/. It uses a throw-away stack with the seed, or a running one: --stack stack.json. --only TEXT takes the
// pages whose address contains the text, --web URL another address of the client.

import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { ROOT } from './stack/options.ts';
import { SEED_USERS } from './stack/seed-users.ts';
import type { StackInfo } from './stack/stack.ts';
import { startThrowawayStack } from './stack/throwaway.ts';
import { goTo, launchBrowser } from './web/browser.ts';
import { allPaths } from './web/paths.ts';

const OUT = join(ROOT, 'shots');
const THEMES = ['light', 'dark'] as const;
const WIDTHS = [1440, 390] as const;
/** Charts and graphs have drawn themselves by then. */
const REST_MS = 700;
const LONGEST_MS = 60_000;

const { values } = parseArgs({
  options: {
    stack: { type: 'string' },
    only: { type: 'string' },
    web: { type: 'string' },
  },
});

async function settle(page: Page): Promise<void> {
  await page.getByRole('heading', { level: 1 }).first().waitFor({ timeout: LONGEST_MS });
  // One part of a page can begin to read when another one has ended.
  let isQuiet = false;
  while (!isQuiet) {
    const loading = page.getByRole('status', { name: 'Loading' });
    await loading.first().waitFor({ state: 'detached', timeout: LONGEST_MS });
    await page.waitForTimeout(REST_MS);
    isQuiet = (await loading.count()) === 0;
  }
}

/**
 * A picture in each width. Each width loads the page, because a graph fits itself only once; `prepare` then opens what the
 * picture shows.
 */
async function picture(
  page: Page,
  folder: string,
  name: string,
  prepare?: () => Promise<void>,
): Promise<void> {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    if (prepare || width !== WIDTHS[0]) {
      await page.reload();
      await settle(page);
    }
    await prepare?.();
    await page.waitForTimeout(REST_MS / 2);
    const path = join(OUT, `${folder}-${width}`, `${name}.png`);
    await page.screenshot({ path, animations: 'disabled', timeout: LONGEST_MS });
  }
}

const nameOf = (path: string) => path.replace(/^\//, '').replaceAll(/[/?]/g, '_') || 'home';

/** The sections of the settings, which their page links to. */
async function sections(page: Page): Promise<string[]> {
  await goTo(page, '#/acme/settings');
  await settle(page);
  const links = page.locator('main a[href*="/settings/"]');
  const hrefs = await links.evaluateAll((all) => all.map((each) => each.getAttribute('href')));
  return [...new Set(hrefs.map((href) => (href ?? '').replace('#/acme', '')))];
}

async function takeAll(info: StackInfo): Promise<number> {
  const browser = await launchBrowser();
  const web = values.web ?? info.web_url;
  const admin = SEED_USERS.find(({ app_code, role }) => app_code === 'acme' && role === 'admin');
  let taken = 0;
  try {
    const paths = await allPaths(info);
    for (const theme of THEMES) {
      const context = await browser.newContext({ colorScheme: theme, reducedMotion: 'reduce' });
      const page = await context.newPage();
      page.setDefaultTimeout(LONGEST_MS);
      page.on('pageerror', (error) => console.error(`${page.url()}: ${error.message}`));
      for (const width of WIDTHS) await mkdir(join(OUT, `${theme}-${width}`), { recursive: true });
      await page.goto(web);
      await settle(page);
      await picture(page, theme, 'sign-in');
      await page.getByLabel('E-mail').fill(admin?.email ?? '');
      await page.getByLabel('Password', { exact: true }).fill(admin?.password ?? '');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.waitForURL(/#\/acme/, { timeout: LONGEST_MS });
      const wanted = [...paths, ...(await sections(page))].filter((path) =>
        path.includes(values.only ?? ''),
      );
      for (const path of wanted) {
        await page.setViewportSize({ width: WIDTHS[0], height: 900 });
        await goTo(page, path.startsWith('/-/') ? `#${path}` : `#/acme${path === '/' ? '' : path}`);
        await settle(page);
        await picture(page, theme, nameOf(path));
        taken += WIDTHS.length;
        if (!path.endsWith('/edit')) continue;
        // The editor with the panel of a step.
        await picture(page, theme, `${nameOf(path)}_step`, async () => {
          // A narrow window lists the steps.
          await page.locator('[data-step], [data-step-row] button').first().click();
          await page.getByRole('complementary', { name: 'Panel' }).waitFor();
          await settle(page);
        });
        taken += WIDTHS.length;
      }
      await context.close();
    }
  } finally {
    await browser.close();
  }
  return taken;
}

async function main(): Promise<void> {
  const running = values.stack;
  if (running !== undefined) {
    const taken = await takeAll(JSON.parse(await readFile(running, 'utf8')) as StackInfo);
    console.log(`${taken} pictures in ${OUT}`);
    return;
  }
  const stack = await startThrowawayStack({}, (message) => console.error(`  ${message}`));
  try {
    console.log(`${await takeAll(stack.info)} pictures in ${OUT}`);
  } finally {
    await stack.stop();
  }
}

await main();
