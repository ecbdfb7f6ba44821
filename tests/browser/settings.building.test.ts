// Components and prompts in a browser: a developer creates a component, calls it and verifies the signature that the page
// shows, writes another version as JSON, and tries a prompt with a model before saving it.

import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sign } from '../../functions/worker/steps/webhook.ts';
import { MODEL_KEY } from '../../scripts/world/model.ts';
import { startWorld, type World } from '../../scripts/world/world.ts';
import { signedIn } from '../support/stack.ts';
import { openAppPage, openPage, pasteInto, signIn } from './support.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.stop());

/** Writes into an editor for code. */
const write = (page: Page, label: string, text: string) =>
  pasteInto(page.getByRole('textbox', { name: label, exact: true }), text);

test('a developer builds a component and a prompt, and tries both', async () => {
  const mark = randomUUID().slice(0, 8);
  const component = `crm-${mark}`;
  const admin = await signedIn('admin@acme');
  const key = `model_${mark}`;
  await admin.rpc('set_secret', { name: key, value: MODEL_KEY, allowed_hosts: ['127.0.0.1'] });
  const page = await openPage();
  await signIn(page, 'developer@acme', '/settings/components');

  await page.getByRole('button', { name: 'New component' }).click();
  await page.getByRole('main').getByLabel('Name').first().fill(component);
  await page.getByLabel('Endpoint').fill(`${world.info.crm_url}/customers`);
  await write(
    page,
    'Input schema',
    '{"type": "object", "required": ["email"], "properties": {"email": {"type": "string", "title": "E-mail"}}}',
  );
  await page.getByRole('button', { name: 'Create component' }).click();
  await page.getByRole('heading', { name: `${component} 1.0.0` }).waitFor();

  await page.getByRole('button', { name: 'Create a signing secret' }).click();
  await page.getByRole('button', { name: 'Create secret' }).click();
  const shown = page.getByRole('dialog', { name: 'The signing secret' });
  const secret = (await shown.locator('pre').textContent()) ?? '';
  await shown.getByRole('button', { name: 'I have stored it' }).click();

  await page.getByRole('tab', { name: 'Test call' }).click();
  await page.getByLabel('E-mail').fill('ada@customer.example');
  await page.getByRole('button', { name: 'Call', exact: true }).click();
  await page.locator('[data-test-run="completed"]').waitFor();
  await page.getByText('Ada Lovelace').first().waitFor();
  const headers = page.getByRole('table', { name: 'Headers of the call' });
  const value = async (name: string) =>
    (await headers.getByRole('row', { name }).getByRole('cell').textContent()) ?? '';
  const { request } = world.calls.at(-1) ?? { request: { text: '' } };
  const signed = `${await value('webhook-id')}.${await value('webhook-timestamp')}.${request.text}`;
  expect(await value('webhook-signature')).toBe(`v1,${await sign(secret, signed)}`);

  await page.getByRole('button', { name: 'New version' }).click();
  await page.getByText('JSON', { exact: true }).click();
  const json = page.getByRole('textbox', { name: 'Component as JSON' });
  await json.waitFor();
  const draft = {
    name: component,
    version: '2.0.0',
    implementation_type: 'service_task',
    endpoint: `${world.info.crm_url}/customers`,
    timeuot_ms: 5_000,
  };
  await write(page, 'Component as JSON', JSON.stringify(draft));
  await page.getByRole('button', { name: 'Create version' }).click();
  await page.getByText('A service_task has no field timeuot_ms.').waitFor();
  const { timeuot_ms: timeout_ms, ...rest } = draft;
  await write(page, 'Component as JSON', JSON.stringify({ ...rest, timeout_ms }));
  await page.getByRole('button', { name: 'Create version' }).click();
  await page.getByRole('heading', { name: `${component} 2.0.0` }).waitFor();
  await page.getByRole('tab', { name: 'Versions' }).click();
  const differences = page.locator('[data-difference="timeout_ms"]');
  expect(await differences.textContent()).toMatch(/30000.*5000/);

  await openAppPage(page, '/settings/prompts');
  await page.getByRole('button', { name: 'New prompt' }).click();
  await page.getByRole('main').getByLabel('Name').first().fill(`sort-${mark}`);
  await write(page, 'Text', 'Sort this note of {{ who }}: {{ note }}');
  await write(
    page,
    'Variables',
    '{"note": {"type": "string", "title": "Note"}, "who": {"type": "string", "title": "Who", "default": "a guest"}}',
  );
  const trying = page.getByRole('region', { name: 'Try it' });
  await trying.getByLabel('Key').selectOption(key);
  await trying.getByLabel('Address').fill(world.info.model_url);
  await trying.getByLabel('Note').fill('The cup is broken, urgent');
  await trying.getByRole('button', { name: 'Ask the model' }).click();
  await trying.locator('[data-test-run="completed"]').waitFor();
  await trying
    .getByText(/This is urgent/)
    .first()
    .waitFor();
  await trying.getByText(/tokens in, \d+ out/).waitFor();
  const asked = world.calls.at(-1)?.request.body as { messages: unknown; stream: unknown };
  expect(asked).toMatchObject({
    stream: true,
    messages: [{ content: 'Sort this note of a guest: The cup is broken, urgent' }],
  });
  await page.getByRole('button', { name: 'Save as a new version' }).click();
  await page.getByRole('heading', { name: `sort-${mark} 1.0.0` }).waitFor();
  await page.getByLabel('New version').and(page.locator('[value="1.1.0"]')).waitFor();
  await admin.rpc('delete_secret', { name: key });
});
