// The page of the HTTP API in a browser: it lists the operations of the document, sends requests as the signed-in user
// or with a key, keeps the token to itself, follows the theme and fits into a narrow window.

import type { Page, Request } from 'playwright-core';
import { expect, test } from 'vitest';
import { DOCUMENT } from '../api/contract.ts';
import { signedIn, stackInfo } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { chooseTheme, openNavigation, openPage, signIn } from './support.ts';

const OPERATIONS = Object.values(DOCUMENT.paths).flatMap((methods) => Object.values(methods));

/** An image of the page for a person who changes it. */
async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.STEPBASE_SCREENSHOTS;
  if (folder) await page.screenshot({ path: `${folder}/${name}.png` });
}

async function openApi(page: Page): Promise<void> {
  await openNavigation(page);
  await page.getByRole('navigation').getByRole('link', { name: 'API' }).click();
  await page.getByRole('heading', { name: 'HTTP API' }).waitFor();
  // The API builds the document for its first reader, and Swagger UI is large.
  await page
    .locator('.opblock-tag')
    .first()
    .waitFor({ timeout: scaled(40_000) });
}

/** Opens the operation below its resource and sends it with its default parameters. */
async function execute(page: Page, resource: string, operation: string): Promise<Request> {
  const block = page.locator(`#operations-${resource}-${operation}`);
  if ((await block.count()) === 0) {
    await page.locator(`#operations-tag-${resource}`).getByRole('button').first().click();
  }
  const send = block.getByRole('button', { name: 'Execute' });
  if ((await send.count()) === 0) await block.locator('.opblock-summary-control').click();
  // The frame of the page reads rows meanwhile, with the token of the session.
  const address = `${stackInfo().http_api_url}/v1/`;
  const [request] = await Promise.all([
    page.waitForRequest((sent) => sent.url().startsWith(address) && sent.method() !== 'OPTIONS'),
    send.click(),
  ]);
  await block.locator('.live-responses-table .response-col_status').first().waitFor();
  return request;
}

test('a user finds each operation and sends one with the token of the session', async () => {
  const page = await openPage('light');
  const loaded: string[] = [];
  page.on('request', (request) => loaded.push(request.url()));
  await signIn(page, 'viewer@acme');
  // Swagger UI is larger than the rest of the client.
  expect(loaded.filter((url) => url.includes('ApiPage'))).toEqual([]);

  await openApi(page);
  await picture(page, 'api-light-wide');
  const summaries = page.locator('.opblock-tag');
  const resources = new Set(OPERATIONS.flatMap(({ tags }) => tags));
  expect(await summaries.count()).toBe(resources.size);

  const request = await execute(page, 'Workflows', 'listWorkflows');
  expect(request.url()).toContain(`${stackInfo().http_api_url}/v1/workflows`);
  const token = (await request.allHeaders()).authorization ?? '';
  expect(token).toMatch(/^Bearer ey/);
  const block = page.locator('#operations-Workflows-listWorkflows');
  const answer = block.locator('.live-responses-table');
  expect(await answer.locator('.response-col_status').nth(1).textContent()).toContain('200');
  // The same page of the list by another client; the other tests leave their workflows in the application.
  const list = await fetch(request.url(), { headers: { authorization: token } });
  const { items } = (await list.json()) as { items: { kebab_name: string }[] };
  expect(await answer.textContent()).toContain(items.at(-1)?.kebab_name ?? 'a workflow');
  await block.scrollIntoViewIfNeeded();
  await picture(page, 'api-light-answer');

  // The page shows and stores the token nowhere; Auth keeps the session.
  const secret = token.slice('Bearer '.length);
  expect((await page.content()).includes(secret)).toBe(false);
  expect(await block.locator('.curl').textContent()).toContain('Bearer <token>');
  const stored = await page.evaluate(() =>
    [localStorage, sessionStorage].flatMap((storage) => Object.entries(storage)),
  );
  const holders = stored.filter(([, value]) => String(value).includes(secret));
  expect(holders.map(([name]) => name)).toEqual([expect.stringMatching(/^sb-.*-auth-token$/)]);
  expect(new Set(loaded.map((url) => new URL(url).hostname))).toEqual(
    new Set([new URL(stackInfo().web_url).hostname]),
  );
});

test('a key that the user enters replaces the token', async () => {
  const admin = await signedIn('admin@acme');
  const { data } = await admin.rpc('create_api_key', { name: 'api page', scopes: ['run:read'] });
  const [{ id = '', key = '' } = {}] = [data ?? {}].flat() as { id?: string; key?: string }[];
  const page = await openPage('dark');
  await page.setViewportSize({ width: 390, height: 840 });
  await signIn(page, 'developer@acme');
  await openApi(page);
  // Swagger UI would give a long description a column of single letters.
  const widths = await page
    .locator('.opblock-tag small')
    .evaluateAll((all) => all.map(({ clientWidth }) => clientWidth));
  expect(Math.min(...widths)).toBeGreaterThan(200);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  expect(await page.locator('html').getAttribute('class')).toBe('dark-mode');
  await picture(page, 'api-dark-narrow');

  await page.getByRole('button', { name: 'Authorize' }).first().click();
  const bearer = page.locator('.auth-container', { hasText: 'bearer' });
  await bearer.getByRole('button', { name: 'Remove authorization' }).click();
  await bearer.locator('input').fill(key);
  await bearer.getByRole('button', { name: 'Apply credentials' }).click();
  await page.getByRole('button', { name: 'Close', exact: true }).first().click();
  const request = await execute(page, 'Workflows', 'listWorkflows');
  expect((await request.allHeaders()).authorization).toBe(`Bearer ${key}`);
  await page.locator('.live-responses-table', { hasText: 'workflow:read' }).waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await picture(page, 'api-dark-narrow-answer');

  await chooseTheme(page, 'Light');
  await expect.poll(() => page.locator('html').getAttribute('class')).toBe('');
  await openNavigation(page);
  await page.getByRole('navigation').getByRole('link', { name: 'Runs' }).click();
  await page.getByRole('heading', { name: 'Runs' }).waitFor();
  await admin.rpc('revoke_api_key', { id });
});

test('a document that cannot be read is an error, with its status', async () => {
  const page = await openPage('light');
  await signIn(page, 'viewer@acme');
  await page.route('**/openapi.json', (route) => route.fulfill({ status: 503, body: '' }));
  await page.getByRole('navigation').getByRole('link', { name: 'API' }).click();
  await page.getByRole('alert').filter({ hasText: '503' }).waitFor();
});
