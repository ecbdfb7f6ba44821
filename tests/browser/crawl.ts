// Opens what a page can open beside itself: menus, dialogs, drawers, forms and tabs, each by its control, so that the gates
// see them too. It finds controls by their labels, so a new page needs no change here.

import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { scaled } from '../support/time.ts';
import { settled } from './gates.ts';

/** Controls that open something, or that ask before they change something. */
const OPENS =
  /^(New|Create|Invite|Add|Edit|Emit|Start|Filter|Views|More|Actions for|Delegate|Test|Publish|Set |Set up|Compare|Save this view|Import|Transfer|Delete|Remove|Cancel|Archive|Revoke|Duplicate|Backfill|Rotate|Workflow settings|Keys of|Draft against|Restore|Try |Roll back|Change|Run again|Continue|Search$|Account and theme|Open the menu|Leave|Export a|Erase|Deactivate)/;

/** Controls that open nothing, although they begin like one that does. */
const ACTS =
  /^(Start$|Start the|Emit event$|Export all data|Create workflow|Create application|Start run now|Test call|Change the password|Add comment|Set as default)/;

/** What lies above a page. */
export const LAYERS = '[role="dialog"], [role="alertdialog"], [role="menu"]';
const LAYER = LAYERS.replaceAll(']', ']:visible');

/** Buttons of rows and cards, which differ only in what they are for. */
const OF_ROWS = /^(More actions for|Actions for|Start|Publish version|Edit|Delete|Remove|Revoke)\b/;

/** The names of the buttons in a part of the page that open something; of those of rows, the first one. */
export async function openers(part: Locator): Promise<string[]> {
  const names = await part
    .getByRole('button', { disabled: false })
    .evaluateAll((all) =>
      all
        .filter((each) => each.checkVisibility() && !(each as HTMLButtonElement).disabled)
        .map((each) => (each.getAttribute('aria-label') ?? each.textContent ?? '').trim()),
    );
  const kinds = new Map<string, string>();
  for (const name of names) {
    if (!OPENS.test(name) || ACTS.test(name)) continue;
    const [kind = name] = OF_ROWS.exec(name) ?? [];
    if (!kinds.has(kind)) kinds.set(kind, name);
  }
  return [...kinds.values()];
}

/** Presses Escape until nothing lies above the page; false if something stays. */
export async function closeLayers(page: Page): Promise<boolean> {
  for (let n = 0; n < 4; n += 1) {
    if ((await page.locator(LAYER).count()) === 0) return true;
    await page.keyboard.press('Escape');
    await page
      .locator(LAYER)
      .first()
      .waitFor({ state: 'detached', timeout: scaled(2_000) })
      .catch(() => undefined);
  }
  return (await page.locator(LAYER).count()) === 0;
}

/**
 * Opens everything that the part opens, one after the other, and calls `visit` with its name and whether it lies above the
 * page. Menus are opened, and what their entries open too. Returns the controls that opened nothing.
 */
export async function openAll(
  page: Page,
  part: Locator,
  what: string,
  visit: (name: string, isLayer: boolean) => Promise<void>,
): Promise<string[]> {
  const idle: string[] = [];
  const address = await page.evaluate(() => location.hash);
  for (const name of await openers(part)) {
    await back(page, address);
    const button = part.getByRole('button', { name, exact: true }).first();
    const before = await messages(page);
    if (!(await press(button))) continue;
    const title = `${what}, ${name}`;
    if (!(await hasOpened(page, button, before))) {
      if ((await page.evaluate(() => location.hash)) === address) idle.push(title);
      continue;
    }
    await visit(title, (await page.locator(LAYER).count()) > 0);
    for (const entry of await entries(page)) {
      const item = page.getByRole('menuitem', { name: entry, exact: true });
      if ((await item.count()) === 0 && !(await press(button))) break;
      await item.first().click();
      if (await hasOpened(page)) await visit(`${title}, ${entry}`, true);
      await closeLayers(page);
    }
    if (!(await closeLayers(page))) idle.push(`${title}: Escape does not close it`);
    // What opened in the page itself closes by its control, or stays there in place of it.
    if (await isExpanded(button)) await press(button);
    else if ((await button.count()) === 0) await again(page);
  }
  return idle;
}

/** A control that is a link in disguise has led to another page. */
async function back(page: Page, address: string): Promise<void> {
  if ((await page.evaluate(() => location.hash)) === address) return;
  await page.evaluate((hash) => {
    location.hash = hash;
  }, address);
  const [place = ''] = address.slice(1).split('?');
  await page.locator(`#main[data-page="${place}"][aria-busy="false"]`).waitFor();
}

/** The page as it was before something took the place of a control. */
async function again(page: Page): Promise<void> {
  await page.reload();
  await page.locator('#main[data-page^="/"][aria-busy="false"]').waitFor();
  await settled(page);
}

async function press(button: Locator): Promise<boolean> {
  return await button.click({ timeout: scaled(3_000) }).then(
    () => true,
    () => false,
  );
}

const isExpanded = async (button: Locator) =>
  (await button.and(button.page().locator('[aria-expanded="true"]')).count()) > 0;

/** What the page announces. */
const messages = (page: Page) => page.locator('main [role="status"]:visible').allTextContents();

/**
 * Whether a layer is there, or the control says that it has opened something, or there is a field with the focus or a new
 * message in place of the control: else a person who pressed it would not know that something has changed.
 */
async function hasOpened(
  page: Page,
  button?: Locator,
  before: readonly string[] = [],
): Promise<boolean> {
  const layers = page.locator(LAYER);
  const field = page.locator('main :is(input, textarea, [contenteditable]):focus');
  const inPlace = async () =>
    button !== undefined &&
    ((await isExpanded(button)) ||
      ((await button.count()) === 0 &&
        ((await field.count()) > 0 ||
          (await messages(page)).some((text) => !before.includes(text)))));
  return await expect
    .poll(async () => (await layers.count()) > 0 || (await inPlace()), { timeout: scaled(2_000) })
    .toBe(true)
    .then(
      () => true,
      () => false,
    );
}

async function entries(page: Page): Promise<string[]> {
  const names = await page
    .getByRole('menuitem', { disabled: false })
    .evaluateAll((all) => all.map((each) => (each.textContent ?? '').trim()));
  return names.filter((name) => OPENS.test(name) && !ACTS.test(name));
}
