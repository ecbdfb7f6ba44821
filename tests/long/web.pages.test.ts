// Every page of the route map, in each of its states that a person can open, keeps the quality gates: both themes, wide
// and narrow. The pages name their own sections, tabs, menus and dialogs, so a new one is walked too.

import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { allPaths, isRoute } from '../../scripts/web/paths.ts';
import { LAYERS, openAll } from '../browser/crawl.ts';
import { ALL_LOOKS, faults, headFaults, settled, TWO_LOOKS, WIDTHS } from '../browser/gates.ts';
import { endSession, openAppPage, openPage, openSignIn, signIn } from '../browser/support.ts';
import { failing, node, type TestApp, testApp, value } from '../engine/support.ts';
import { linkIn, mailTo } from '../support/mail.ts';
import { client, seedUser, stackInfo } from '../support/stack.ts';
import { scaled } from '../support/time.ts';

const LONG = { timeout: scaled(1_800_000) };
const LANES = 12;
const PLACES = 25;

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

/** Names the application's own pages that a page links to in its main part. */
async function linked(page: Page, part: string): Promise<string[]> {
  const links = page.locator(`main a[href^="#/"][href*="${part}"]:not([href^="#/-"])`);
  const hrefs = await links.evaluateAll((all) => all.map((each) => each.getAttribute('href')));
  return [...new Set(hrefs.map((href) => (href ?? '').replace(/^#\/[^/]+/, '')))];
}

const wide = (page: Page) => page.setViewportSize({ width: WIDTHS[0], height: 900 });

/** The page itself, each of its tabs, and what they open. */
async function walk(page: Page, path: string): Promise<string[]> {
  const found: string[] = [];
  const visit = async (what: string, isLayer = false) => {
    const looks = isLayer ? TWO_LOOKS : ALL_LOOKS;
    found.push(...(await faults(page, what, looks, isLayer ? LAYERS : undefined)));
    await page.emulateMedia({ colorScheme: 'light' });
    await wide(page);
  };
  const main = page.getByRole('main');
  await wide(page);
  await openAppPage(page, path);
  await settled(page);
  found.push(...(await headFaults(page, path)));
  await visit(path);
  for (const href of await linked(page, '')) {
    if (href.startsWith('/') && !isRoute(href)) found.push(`${path}: links to ${href}`);
  }
  found.push(...(await openAll(page, main, path, visit)).map((name) => `${name}: opens nothing`));
  // A tab by its place: its name has a count, which changes.
  const tabs = await main
    .getByRole('tab')
    .evaluateAll((all) => all.map((each) => each.getAttribute('aria-selected') !== 'true'));
  for (const [place] of [...tabs.entries()].filter(([, isOther]) => isOther)) {
    await openAppPage(page, path);
    await settled(page);
    const tab = main.getByRole('tab').nth(place);
    await tab.click();
    await settled(page);
    await visit(`${path}, tab ${await tab.textContent()}`);
  }
  return found;
}

async function walkAll(page: Page, paths: readonly string[]): Promise<void> {
  const found: string[] = [];
  for (const path of paths) {
    const faulty = await walk(page, path).catch((error: Error) => [`${path}: ${error.message}`]);
    // A long walk says what it has found before its end.
    for (const fault of faulty) console.log(fault);
    found.push(...faulty);
  }
  expect(found).toEqual([]);
}

test('the pages of the route map', LONG, async () => {
  const page = await openPage();
  await signIn(page, 'admin@acme');
  await walkAll(page, await allPaths(stackInfo()));
});

test('the sections of the settings', LONG, async () => {
  const page = await openPage();
  await wide(page);
  await signIn(page, 'admin@acme', '/settings');
  const sections = await linked(page, '/settings/');
  expect(sections.length).toBeGreaterThan(10);
  await walkAll(page, sections);
});

test('runs that failed, wait, are large, and have many items', LONG, async () => {
  const failed = await b.start(
    await b.publish(
      [value('total', '{"sum": 2}'), failing('charge'), value('receipt')],
      ['total > charge', 'charge > receipt'],
      { input_schema: { type: 'object', properties: { amount: { type: 'number' } } } },
    ),
    { amount: 3 },
  );
  const waiting = await b.start(
    await b.publish(
      [
        node('ask', 'wait_for_approval', { title: 'Is it right?' }),
        node('go', 'wait_for_signal', { signal_name: 'go' }),
      ],
      [],
    ),
  );
  const ids = Array.from({ length: LANES * PLACES }, (_, n) => `lane${n % LANES}_${n}`);
  const large = await b.start(
    await b.publish(
      ids.map((id) => value(id)),
      ids.slice(LANES).map((id, n) => `${ids[n]} > ${id}`),
    ),
  );
  const items = await b.start(
    await b.publish([
      node('each', 'for_each', {
        items: '{{ [1..400] }}',
        concurrency: 200,
        step: { type: 'transform', config: { expression: 'index' } },
      }),
    ]),
  );
  await b.ended(failed.id);
  await b.ended(large.id, 60_000);
  await b.ended(items.id, 60_000);
  await b.stepIs(waiting.id, 'ask', 'waiting');
  const page = await openPage();
  await signIn(page, 'developer@acme');
  await walkAll(page, [
    `/runs/${failed.id}`,
    `/runs/${failed.id}?step=charge`,
    `/runs/${waiting.id}`,
    `/runs/${waiting.id}?step=go`,
    `/runs/${large.id}`,
    `/runs/${items.id}?step=each`,
    `/runs/${failed.id}/compare/${waiting.id}`,
  ]);
});

test('the editor with each of its views and panels', LONG, async () => {
  const page = await openPage();
  await signIn(page, 'developer@acme');
  const found: string[] = [];
  const open = async () => {
    await wide(page);
    await openAppPage(page, '/workflows');
    await openAppPage(page, '/workflows/order-triage/edit');
    await settled(page);
    await page.locator('[data-step]').first().waitFor();
  };
  const visit = async (what: string) => {
    await settled(page);
    found.push(...(await faults(page, `editor, ${what}`, ALL_LOOKS)));
    await page.emulateMedia({ colorScheme: 'light' });
    await wide(page);
  };
  await open();
  const steps = await page
    .locator('[data-step]')
    .evaluateAll((all) => all.map((each) => (each as HTMLElement).dataset.step ?? ''));
  for (const step of steps) {
    await open();
    await page.locator(`[data-step="${step}"]`).click();
    await page.getByRole('complementary', { name: 'Panel' }).waitFor();
    await visit(`step ${step}`);
  }
  for (const tab of ['Behaviour', 'Data and test']) {
    await page.getByRole('tab', { name: tab }).click();
    await visit(`tab ${tab}`);
  }
  for (const view of ['List', 'JSON', 'TypeScript']) {
    await open();
    const views = page.getByRole('radiogroup', { name: 'View' });
    await views.getByText(view, { exact: true }).click();
    await visit(`view ${view}`);
  }
  await open();
  await page.locator('.react-flow__edge').first().click({ force: true });
  await visit('an edge');
  expect(found).toEqual([]);
});

test(
  'the shell: palette, account, navigation, an unknown page, an ended session',
  LONG,
  async () => {
    const page = await openPage();
    await wide(page);
    await signIn(page, 'admin@acme');
    const found: string[] = [];
    const visit = async (what: string, looks = ALL_LOOKS) => {
      found.push(...(await faults(page, what, looks)));
      await wide(page);
    };
    await page.keyboard.press('Control+k');
    await page.getByPlaceholder('Search pages').fill('order');
    await page.getByRole('dialog').getByText('order-triage').first().waitFor();
    await visit('the palette');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Account and theme' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).waitFor();
    await visit('the account');
    await page.keyboard.press('Escape');
    await page.setViewportSize({ width: WIDTHS[1], height: 900 });
    await page.getByRole('button', { name: 'Open the menu' }).click();
    await visit(
      'the navigation',
      ALL_LOOKS.filter(({ width }) => width === WIDTHS[1]),
    );
    await page.reload();
    await page.evaluate(() => {
      location.hash = '#/acme/nothing';
    });
    await page.getByRole('heading', { level: 1, name: 'There is no such page' }).waitFor();
    await visit('an unknown page');

    const ending = await openPage();
    await ending.clock.install();
    await signIn(ending, 'admin@acme');
    await endSession(ending);
    found.push(...(await faults(ending, 'an ended session', ALL_LOOKS)));
    expect(found).toEqual([]);
  },
);

test('the pages that need no session', LONG, async () => {
  const found: string[] = [];
  const page = await openSignIn();
  await page.getByLabel('E-mail').waitFor();
  found.push(...(await faults(page, 'sign-in', ALL_LOOKS)));
  for (const name of ['I have no account yet', 'I forgot my password', 'Send me a sign-in link']) {
    await page.getByRole('button', { name }).click();
    found.push(...(await faults(page, name, ALL_LOOKS)));
    await page.getByRole('button', { name: /^(I have an account|Back to the sign-in)/ }).click();
  }
  await page.getByLabel('E-mail').fill('viewer@acme.example');
  await page.getByLabel('Password', { exact: true }).fill('wrong-password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();
  found.push(...(await faults(page, 'a wrong password', ALL_LOOKS)));

  // The decision by the link of a mail: the question, the answer, and a link that was used.
  const title = `Pay ${randomUUID()}?`;
  await b.start(
    await b.publish([
      node('ask', 'wait_for_approval', {
        title,
        description: 'The **invoice** of May',
        assigned_to: [seedUser('viewer@acme').id],
        notify: true,
      }),
    ]),
  );
  const mail = await mailTo(seedUser('viewer@acme').email, new RegExp(title.replace('?', '\\?')));
  const decision = await openPage('light', linkIn(mail, /decisions/).href);
  await decision.getByRole('heading', { name: title }).waitFor();
  found.push(...(await faults(decision, 'a decision', ALL_LOOKS)));
  await decision.getByRole('button', { name: /^(Approve|Reject)$/ }).click();
  await decision.getByRole('status').waitFor();
  found.push(...(await faults(decision, 'a decision made', ALL_LOOKS)));
  await decision.reload();
  await decision.getByRole('alert').waitFor();
  found.push(...(await faults(decision, 'a used link', ALL_LOOKS)));

  // A new password, and the first page of a user without an application.
  const email = `walk-${randomUUID().slice(0, 8)}@people.example`;
  await client().auth.signUp({ email, password: 'first-password' });
  await client().auth.resetPasswordForEmail(email, { redirectTo: stackInfo().web_url });
  const reset = linkIn(await mailTo(email, /^Reset your password/), /\/verify\?/);
  const recovery = await openPage('light', reset.href);
  await recovery.getByRole('heading', { name: 'Choose a new password' }).waitFor();
  found.push(...(await faults(recovery, 'a new password', ALL_LOOKS)));
  await recovery.getByLabel('New password', { exact: true }).fill('second-password');
  await recovery.getByRole('button', { name: 'Save the password' }).click();
  await recovery.getByRole('heading', { name: 'Create your application' }).waitFor();
  found.push(...(await faults(recovery, 'the first application', ALL_LOOKS)));
  const invitation = await openPage('light', `${stackInfo().web_url}/invitation?token=x`);
  await invitation.getByLabel('E-mail').waitFor();
  found.push(...(await faults(invitation, 'an invitation', ALL_LOOKS)));
  expect(found).toEqual([]);
});
