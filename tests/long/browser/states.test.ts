// Every page says what it has: that it is reading, that there is nothing yet, or that the server refused, in words, with
// the code and a way to try again.

import { randomUUID } from 'node:crypto';
import type { Page, Route } from 'playwright-core';
import { expect, test } from 'vitest';
import { allPaths } from '../../../scripts/web/paths.ts';
import { ALL_LOOKS, faults, settled } from '../../browser/gates.ts';
import {
  type Account,
  appOf,
  arrived,
  openAppPage,
  openPage,
  signIn,
} from '../../browser/support.ts';
import { client, stackInfo } from '../../support/stack.ts';
import { scaled } from '../../support/time.ts';

const LONG = { timeout: scaled(900_000) };

/** Requests of the shell: who the user is, and what the role allows. */
const SHELL = /\/(rpc\/my_applications|app_roles)\b|select=permissions/;

/** Pages that read nothing, or that have a test of their own. */
const STATIC = ['/api', '/new-workflow', '/-/profile', '/-/new-application'];

async function sections(page: Page): Promise<string[]> {
  await page.setViewportSize({ width: 1440, height: 900 });
  await openAppPage(page, '/settings');
  await settled(page);
  const hrefs = await page
    .locator('main a[href*="/settings/"]')
    .evaluateAll((all) => all.map((each) => each.getAttribute('href')));
  return [...new Set(hrefs.map((href) => (href ?? '').replace(/^#\/[^/]+/, '')))];
}

/** Nothing of another page is in the cache of the window. */
async function empty(page: Page): Promise<void> {
  await openAppPage(page, '/-/profile');
  await page.reload();
  await page.getByRole('heading', { level: 1, name: 'Profile' }).waitFor();
  await settled(page);
}

async function open(page: Page, path: string): Promise<void> {
  const address = `/${await appOf(page)}${path === '/' ? '' : path}`;
  await page.evaluate((hash) => {
    location.hash = hash;
  }, `#${address}`);
  await arrived(page, address);
}

/** The faults; a long walk says what it has found before its end. */
function faultList(): { push(...faults: string[]): void; all: string[] } {
  const all: string[] = [];
  return {
    all,
    push(...faults) {
      for (const fault of faults) console.log(fault);
      all.push(...faults);
    },
  };
}

const reads = (page: Page, answer: (route: Route) => Promise<void>) =>
  page.route('**/rest/v1/**', (route) =>
    SHELL.test(route.request().url()) ? route.fallback() : answer(route),
  );

async function allPages(page: Page): Promise<string[]> {
  const paths = await allPaths(stackInfo());
  return [...paths.filter((path) => !STATIC.includes(path)), ...(await sections(page))];
}

test('in a new application, each list says that it is empty', LONG, async () => {
  const mark = randomUUID().slice(0, 8);
  const account: Account = {
    email: `empty-${mark}@founders.example`,
    password: 'right-password',
    app_code: `empty-${mark}`,
  };
  const founder = client();
  await founder.auth.signUp(account);
  const made = await founder.rpc('create_organization', { slug: account.app_code, name: 'Empty' });
  const { error } = await founder.rpc('create_application', {
    app_code: account.app_code,
    name: 'Empty',
    organization_id: made.data?.id ?? '',
  });
  expect(error).toBeNull();
  const page = await openPage();
  await signIn(page, account, '/runs');
  const lists = (await allPaths(stackInfo())).filter(
    (path) => !/order-triage|[0-9a-f-]{36}/.test(path),
  );
  // The list of components is not empty: the seed has one of all applications.
  const found = faultList();
  for (const path of [...lists, ...(await sections(page))]) {
    await page.setViewportSize({ width: 1440, height: 900 });
    await openAppPage(page, path);
    await settled(page);
    if ((await page.getByRole('alert').count()) > 0) {
      found.push(`${path}: ${await page.getByRole('alert').first().textContent()}`);
    }
    found.push(...(await faults(page, `${path}, empty`, ALL_LOOKS)));
  }
  for (const [path, text] of [
    ['/runs', 'No runs yet'],
    ['/workflows', /No workflows?/],
    ['/tasks', /No |Nothing/],
    ['/schedules', /No schedules?/],
    ['/webhooks', /No webhooks?/],
    ['/events', /No event/],
    ['/database-triggers', /No (database )?trigger/],
    ['/insight/failures', /No |Nothing/],
    ['/settings/keys', 'No API keys'],
    ['/settings/secrets', /No secrets/],
    ['/settings/prompts', /No prompts/],
    ['/settings/alerts', /No alerts?/],
  ] as const) {
    await openAppPage(page, path);
    await settled(page);
    const shown = page.getByRole('main').getByText(text).first();
    await shown.waitFor({ timeout: scaled(3_000) }).catch(() => {
      found.push(`${path}: does not say that it is empty`);
    });
  }
  expect(found.all).toEqual([]);
});

test(
  'while the server is slow, each page has its heading and says that it reads',
  LONG,
  async () => {
    const page = await openPage();
    await signIn(page, 'admin@acme');
    const paths = await allPages(page);
    const found = faultList();
    for (const path of paths) {
      const waiting: Route[] = [];
      await empty(page);
      await reads(page, async (route) => void waiting.push(route));
      await open(page, path);
      const loading = page.getByRole('status', { name: 'Loading' });
      const busy = page.locator('main [aria-busy="true"], main [role="status"]');
      // A place for later messages can be before it: it is empty, so it is not visible.
      await loading
        .or(busy)
        .filter({ visible: true })
        .first()
        .waitFor({ timeout: scaled(5_000) })
        .catch(() => found.push(`${path}: does not say that it reads`));
      const headings = await page.getByRole('heading', { level: 1 }).count();
      if (headings !== 1) found.push(`${path}: has ${headings} main headings while it reads`);
      found.push(...(await faults(page, `${path}, reading`)));
      await page.setViewportSize({ width: 1440, height: 900 });
      await page.unrouteAll();
      await Promise.all(waiting.map((route) => route.continue().catch(() => undefined)));
      await settled(page).catch(() => found.push(`${path}: does not end reading`));
    }
    expect(found.all).toEqual([]);
  },
);

test('an error of the server is shown in words, and the page tries again', LONG, async () => {
  const page = await openPage();
  await signIn(page, 'admin@acme');
  const paths = await allPages(page);
  const found = faultList();
  const refuse = (route: Route) =>
    route.fulfill({
      status: 500,
      contentType: 'application/json',
      body: JSON.stringify({
        code: 'XX000',
        message: 'the disk is full',
        details: null,
        hint: null,
      }),
    });
  for (const path of paths) {
    await page.unrouteAll();
    await empty(page);
    await reads(page, refuse);
    await open(page, path);
    const alert = page.getByRole('main').getByRole('alert').first();
    const isShown = await alert
      .filter({ hasText: 'the disk is full' })
      .waitFor({ timeout: scaled(10_000) })
      .then(
        () => true,
        () => false,
      );
    if (!isShown) {
      found.push(`${path}: shows no error`);
      continue;
    }
    if (!(await alert.textContent())?.includes('XX000')) found.push(`${path}: shows no code`);
    const headings = await page.getByRole('heading', { level: 1 }).count();
    if (headings !== 1) found.push(`${path}: has ${headings} main headings with the error`);
    found.push(...(await faults(page, `${path}, with an error`)));
    await page.setViewportSize({ width: 1440, height: 900 });
    const again = page.getByRole('main').getByRole('button', { name: 'Try again' });
    // The page may read again by itself, so this is asked while the server still refuses.
    if ((await again.count()) === 0) {
      found.push(`${path}: has no way to try again`);
      continue;
    }
    await page.unrouteAll();
    // From the last one: a part that is read again is gone, and moves those after it.
    for (let n = (await again.count()) - 1; n >= 0; n -= 1)
      await again
        .nth(n)
        .click()
        .catch(() => undefined);
    await page
      .getByRole('main')
      .getByText('the disk is full')
      .first()
      .waitFor({ state: 'detached', timeout: scaled(10_000) })
      .catch(() => found.push(`${path}: keeps the error after it was tried again`));
  }
  expect(found.all).toEqual([]);
});
