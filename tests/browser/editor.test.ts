// The editor: two persons write and publish a workflow, mostly by keys; a failed run is mended and continues; a model
// writes what a person has described.

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { failing, type TestApp, testApp, value } from '../engine/support.ts';
import { scaled } from '../support/time.ts';
import { faults } from './gates.ts';
import { type StreamingModel, startStreamingModel } from './streaming-model.ts';
import { openAppPage, openPage, pasteInto, signIn } from './support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

const OUTPUT = {
  type: 'object',
  properties: { delay: { type: 'null' } },
  required: ['delay'],
  additionalProperties: false,
};

const card = (page: Page, step: string) => page.locator(`[data-step="${step}"]`);
const box = (page: Page, name: string) => page.getByRole('textbox', { name, exact: true });
const isSaved = (page: Page) => page.locator('[data-save="saved"]', { hasText: 'Saved' }).waitFor();
const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();
const show = (page: Page, view: string) =>
  page.getByRole('radiogroup', { name: 'View' }).getByText(view, { exact: true }).click();
/** Keys of the editor count outside of fields. */
const key = async (page: Page, keys: string) => {
  await page.getByRole('heading', { level: 1 }).focus();
  await page.keyboard.press(keys);
};

async function addByKeys(page: Page, search: string): Promise<void> {
  await key(page, 'a');
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Search steps').fill(search);
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
}

async function draftOf(kebab: string): Promise<{ nodes: { id: string }[]; edges: object[] }> {
  const { data } = await b.developer
    .from('workflow_versions')
    .select('definition, workflow:workflows!version_workflow_is_of_same_app!inner(kebab_name)')
    .eq('workflow.kebab_name', kebab)
    .order('version', { ascending: false })
    .limit(1)
    .single();
  return data?.definition as never;
}

test('a workflow is drawn by keys, checked while typing, shared, and published with a note', async () => {
  const kebab = `drawn-${randomUUID().slice(0, 8)}`;
  const page = await openPage();
  await signIn(page, 'developer@acme', '/new-workflow');
  await box(page, 'Name').fill(kebab.replace('-', ' '));
  await press(page, 'Create workflow');

  await page.getByText('An empty workflow').waitFor();
  await addByKeys(page, 'transform');
  await card(page, 'transform').waitFor();
  // A fault of the checker is on the step and at its field.
  await box(page, 'Expression').fill('{"total": input.amount * }');
  await card(page, 'transform').getByText('1 problem').waitFor();
  await page.locator('[data-field="expression"]').getByRole('alert').waitFor();
  await pasteInto(box(page, 'Expression'), '{"total": input.amount * 2}');
  await card(page, 'transform').getByText('1 problem').waitFor({ state: 'detached' });

  await addByKeys(page, 'condition');
  await box(page, 'Expression').fill('steps.');
  await page.getByRole('option', { name: /^transform/ }).waitFor();
  await pasteInto(box(page, 'Expression'), 'steps.transform.output.total > 10');
  await addByKeys(page, 'delay');
  await page.getByLabel('Ms', { exact: true }).fill('1s');
  await key(page, 'Control+d');
  await card(page, 'delay_2').waitFor();
  await key(page, 'Control+z');
  await card(page, 'delay_2').waitFor({ state: 'detached' });
  // Redo brings it back; it is cut, pasted, and deleted.
  await key(page, 'Control+Shift+z');
  await card(page, 'delay_2').click();
  await key(page, 'Control+x');
  await card(page, 'delay_2').waitFor({ state: 'detached' });
  await key(page, 'Control+v');
  await card(page, 'delay_2').waitFor();
  await key(page, 'Delete');
  await card(page, 'delay_2').waitFor({ state: 'detached' });
  const left = async (step: string) => (await card(page, step).boundingBox())?.x ?? 0;
  await press(page, 'Arrange the steps');
  await expect
    .poll(async () => [await left('transform'), await left('condition'), await left('delay')], {
      timeout: scaled(10_000),
    })
    .toSatisfy(([a, b, c]: number[]) => Number(a) < Number(b) && Number(b) < Number(c));
  await isSaved(page);

  // The new id is written into the expressions that read the step.
  await card(page, 'transform').click();
  await page.getByRole('tab', { name: 'Behaviour' }).click();
  await box(page, 'Id').fill('figures');
  await page.keyboard.press('Enter');
  await card(page, 'figures').waitFor();
  await isSaved(page);
  await expect
    .poll(async () => JSON.stringify(await draftOf(kebab)), { timeout: scaled(10_000) })
    .toContain('steps.figures.output.total > 10');

  // Another person sees the draft and changes another step; both have both changes.
  const other = await openPage('dark');
  await signIn(other, 'admin@acme', `/workflows/${kebab}/edit`);
  await card(other, 'delay').click();
  await box(other, 'Name').fill('A moment later');
  await isSaved(other);
  await card(page, 'delay').getByText('A moment later').waitFor();

  // Both change the same step: the one who saves later is asked which draft stays.
  const { promise: theirs, resolve: areSaved } = Promise.withResolvers<void>();
  await page.route('**/draft', async (route) => {
    if (route.request().method() === 'POST') await theirs;
    await route.continue();
  });
  await card(page, 'delay').click();
  await box(page, 'Name').fill('A short pause');
  await box(other, 'Name').fill('A long pause');
  await expect
    .poll(async () => JSON.stringify(await draftOf(kebab)), { timeout: scaled(10_000) })
    .toContain('A long pause');
  areSaved();
  const conflict = page.getByRole('dialog', { name: 'Another person saved this draft' });
  await conflict.getByText('Both of you changed delay').waitFor();
  await conflict.getByRole('button', { name: 'Take theirs' }).click();
  await card(page, 'delay').getByText('A long pause').waitFor();
  await page.unroute('**/draft');

  // A pinned step does not run in a test of the draft, and the canvas shows the data of that run.
  await card(page, 'figures').click();
  await page.getByRole('tab', { name: 'Data and test' }).click();
  await press(page, 'Pin an output by hand');
  await pasteInto(box(page, 'Pinned output'), '{"total": 50}');
  await isSaved(page);
  await press(page, 'Test');
  const testing = page.getByRole('dialog', { name: 'Test the draft' });
  await testing.getByText('Steps with pinned data do not run: figures.').waitFor();
  await testing.getByRole('button', { name: 'Start test run' }).click();
  await page.locator('[data-step="delay"][data-status="completed"]').waitFor();
  await card(page, 'condition').click();
  await page.locator('[data-live="value"]', { hasText: 'true' }).waitFor();
  await card(page, 'figures').click();
  await page.getByRole('tab', { name: 'Data and test' }).click();
  await press(page, 'Remove the pin');
  await isSaved(page);

  // The JSON is the same document, in both directions.
  await show(page, 'JSON');
  const json = box(page, 'Draft as JSON');
  const written = {
    definition: await draftOf(kebab),
    input_schema: { type: 'object', properties: { amount: { type: 'number' } } },
    output_schema: OUTPUT,
  };
  await pasteInto(
    json,
    JSON.stringify({ ...written, definition: { ...written.definition, 'x-note': 'kept' } }),
  );
  await isSaved(page);
  await expect
    .poll(async () => await draftOf(kebab), { timeout: scaled(10_000) })
    .toMatchObject({ 'x-note': 'kept' });
  await show(page, 'TypeScript');
  await page.getByText('defineWorkflow').first().waitFor();
  await page.locator('.cm-line', { hasText: "delay: { type: 'null' }" }).first().waitFor();

  await show(page, 'List');
  await page.getByRole('button', { name: 'Open A long pause' }).waitFor();
  await press(page, 'Publish');
  const dialog = page.getByRole('dialog');
  await dialog.getByText('figures', { exact: true }).waitFor();
  await dialog.getByLabel('What changed').fill('Doubles the amount');
  await dialog.getByRole('button', { name: 'Publish' }).click();
  await page.getByText('Published version 1.').waitFor();
  const { data: version } = await b.developer
    .from('workflow_versions')
    .select(
      'status, change_note, output_schema, workflow:workflows!version_workflow_is_of_same_app!inner(kebab_name)',
    )
    .eq('workflow.kebab_name', kebab)
    .single();
  expect(version).toMatchObject({
    status: 'published',
    change_note: 'Doubles the amount',
    output_schema: OUTPUT,
  });
});

test('a failed run opens with its data, is mended, tested, published and continued', async () => {
  const name = await b.publish(
    [
      value('first', '{"total": input.amount * 2}'),
      failing('second'),
      value('third', 'steps.second.output'),
    ],
    ['first > second', 'second > third'],
  );
  const { id } = await b.start(name, { amount: 21 });
  expect((await b.ended(id)).run.status).toBe('failed');

  const page = await openPage();
  await signIn(page, 'developer@acme', `/workflows/${name}/edit?run=${id}&step=second`);
  // The step that failed is open.
  await page.locator('[data-step="second"][data-status="failed"]').waitFor();
  // The value with the data of the run appears while the expression is written.
  await pasteInto(box(page, 'Expression'), 'steps.first.output.total + 1');
  await page.locator('[data-live="value"]', { hasText: '43' }).waitFor();

  // The step alone, with the outputs of the steps before it.
  await page.getByRole('tab', { name: 'Data and test' }).click();
  await press(page, 'Test step');
  await page.locator('[data-test-result="completed"]').getByText('43').waitFor();

  await isSaved(page);
  await press(page, 'Publish');
  await page.getByRole('dialog').getByRole('button', { name: 'Publish' }).click();
  const dialog = page.getByRole('dialog', { name: 'Continue the run on the new version' });
  await dialog.getByText('Copied:').waitFor();
  expect(await dialog.textContent()).toMatch(/Copied: first.*Runs again: second.*May run: third/s);
  // The decision can wait.
  await dialog.getByRole('button', { name: 'Not now' }).click();
  await page.getByRole('alert').getByRole('button', { name: 'Continue the run' }).click();
  await dialog.getByRole('button', { name: 'Continue run' }).click();
  await page.waitForURL((url) => url.hash.includes('/runs/') && !url.hash.includes(id));
  const next = new URL(page.url()).hash.slice(-36);
  const { run } = await b.ended(next);
  expect(run).toMatchObject({ status: 'completed', origin_run_id: id, output: { third: 43 } });

  // A viewer may look, and has nothing to change or to publish.
  const viewer = await openPage();
  await signIn(viewer, 'viewer@acme', `/workflows/${name}/edit`);
  await card(viewer, 'first').click();
  await viewer.getByText('You may look, but not change.').waitFor();
  expect(await viewer.getByRole('button', { name: 'Publish' }).count()).toBe(0);
  expect(await viewer.getByRole('button', { name: 'Add step' }).count()).toBe(0);
  await openAppPage(viewer, '/new-workflow');
  await viewer.getByText('Your role may not create workflows').waitFor();
});

test('an exported workflow is imported as another one, with its schemas', async () => {
  const kebab = `exported-${randomUUID().slice(0, 8)}`;
  const { error } = await b.developer.rpc('save_workflow', {
    kebab_name: kebab,
    definition: { nodes: [value('delay', 'null')], edges: [] },
    input_schema: { properties: { amount: { type: 'number' } } },
    output_schema: OUTPUT,
  });
  expect(error).toBeNull();
  const page = await openPage();
  await signIn(page, 'developer@acme');
  await openAppPage(page, `/workflows/${kebab}`);
  await page.getByRole('button', { name: /^More actions/ }).click();
  const download = page.waitForEvent('download');
  await page.getByRole('menuitem', { name: 'Export as JSON' }).click();
  const exported = await readFile(await (await download).path(), 'utf8');
  await openAppPage(page, '/new-workflow');
  await page.getByRole('tab', { name: 'From JSON' }).click();
  await box(page, 'Workflow as JSON').fill(exported);
  await box(page, 'Name for clients').fill(`${kebab}-copy`);
  await press(page, 'Create workflow');
  await page.waitForURL((url) => url.hash.includes(`${kebab}-copy/edit`));
  const { data: copy } = await b.developer
    .from('workflow_versions')
    .select(
      'input_schema, output_schema, workflow:workflows!version_workflow_is_of_same_app!inner(kebab_name)',
    )
    .eq('workflow.kebab_name', `${kebab}-copy`)
    .single();
  expect(copy).toMatchObject({
    input_schema: { properties: { amount: { type: 'number' } } },
    output_schema: OUTPUT,
  });
});

let model: StreamingModel | undefined;
afterEach(async () => {
  await model?.stop();
  model = undefined;
});

test('a model writes a workflow from a description, and fixes it', async () => {
  const mark = randomUUID().slice(0, 8);
  const written = (config: object) => ({
    summary: 'It asks before it pays.',
    definition: {
      nodes: [{ id: 'ask', type: 'wait_for_approval', data: { config } }, value('pay')],
      edges: [{ id: 'e1', source: 'ask', target: 'pay', sourceHandle: 'approved' }],
    },
    input_schema: { type: 'object', properties: { amount: { type: 'number' } } },
  });
  const title = 'Pay {{ input.amount }}?';
  model = await startStreamingModel(
    (call) => `Here it is:\n${JSON.stringify(written(call === 0 ? { titel: title } : { title }))}`,
  );
  const { url, asked, begin, end } = model;
  const secret = `model_${mark}`;
  await b.admin
    .rpc('set_secret', { name: secret, value: 'sk-test', allowed_hosts: ['127.0.0.1'] })
    .throwOnError();

  const page = await openPage('dark');
  await signIn(page, 'developer@acme', '/new-workflow');
  await page.getByRole('tab', { name: 'From a description' }).click();
  const wish = 'Ask a person, then pay {{ the amount }}.';
  await box(page, 'What should the workflow do?').fill(wish);
  await box(page, 'Name').fill(`described ${mark}`);
  await press(page, 'Create workflow');
  const dialog = page.getByRole('dialog', { name: 'Change with a model' });
  expect(await dialog.getByLabel('What should change?').inputValue()).toBe(wish);
  await dialog.getByRole('button', { name: /^Model:/ }).click();
  await dialog.getByLabel('Key').selectOption(secret);
  await dialog.getByLabel('Address').fill(url);
  await dialog.getByRole('button', { name: 'Ask the model' }).click();

  // The text appears while the model writes it, after the page has joined the channel of the run.
  await dialog.locator('[data-live="true"]').waitFor();
  begin();
  await dialog.locator('[data-assistant="writing"]', { hasText: 'It asks before' }).waitFor();
  end();
  await dialog.getByText('It asks before it pays.', { exact: true }).waitFor();
  const problems = dialog.getByRole('region', { name: 'Problems of the answer' });
  await problems.getByText(/titel/).first().waitFor();
  await dialog.getByRole('button', { name: 'Ask the model to fix them' }).click();
  await problems.waitFor({ state: 'detached' });
  const changes = dialog.getByRole('region', { name: 'What would change' });
  await changes.getByText('ask → pay (approved)').waitFor();
  expect(asked[0]).toContain(wish);
  expect(asked[0]).toContain('"type":"wait_for_approval"');
  expect(asked[1]).toMatch(/The checker found problems.*titel/s);

  expect(await faults(page, 'the answer of a model')).toEqual([]);
  await dialog.getByRole('button', { name: 'Apply to the draft' }).click();
  await page.setViewportSize({ width: 1360, height: 820 });
  await card(page, 'pay').waitFor();
  await isSaved(page);
  expect(await draftOf(`described-${mark}`)).toMatchObject(written({ title }).definition);
  await key(page, 'Control+z');
  await card(page, 'pay').waitFor({ state: 'detached' });
  await b.admin.rpc('delete_secret', { name: secret });
});
