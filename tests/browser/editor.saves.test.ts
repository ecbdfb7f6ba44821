// Saves of a draft that do not succeed at once: a refused one is not sent again, one that gets no answer is, and one over a
// draft that another person has published becomes the next draft.

import { beforeAll, expect, test } from 'vitest';
import { type TestApp, testApp } from '../engine/support.ts';
import { openDraftEditor } from './draft-editor.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

test('a refused draft is sent once, and undoing it ends the refusal', async () => {
  const { page, write, is, versions } = await openDraftEditor(b);
  let sent = 0;
  await page.route('**/draft', async (route) => {
    if (route.request().method() !== 'POST') return await route.continue();
    sent += 1;
    const errors = [{ node: 'one', pointer: '', code: 'refused', message: 'by the test' }];
    const body = { title: 'Refused', code: 'invalid_definition', errors };
    await route.fulfill({ status: 422, contentType: 'application/problem+json', json: body });
  });
  await write('40 + 2');
  await is('refused');
  await page.clock.runFor(120_000);
  expect(sent).toBe(1);
  await page.getByRole('heading', { level: 1 }).focus();
  await page.keyboard.press('Control+z');
  await is('saved');
  await page.unroute('**/draft');
  await write('40 + 3');
  await is('saved');
  await expect.poll(versions).toEqual([[1, 'draft', '40 + 3']]);
});

test('a draft that a server does not take is sent again after growing pauses', async () => {
  const { page, write, is, versions } = await openDraftEditor(b);
  const sentAt: number[] = [];
  await page.route('**/draft', async (route) => {
    if (route.request().method() !== 'POST') return await route.continue();
    sentAt.push(await page.evaluate(() => Date.now()));
    await route.fulfill({ status: 503, json: { title: 'No', code: 'unavailable' } });
  });
  await write('40 + 2');
  await is('failed');
  await expect
    .poll(async () => {
      await page.clock.runFor(2_000);
      return sentAt.length;
    })
    .toBeGreaterThanOrEqual(5);
  const pauses = sentAt.slice(1).map((at, index) => at - (sentAt[index] ?? 0));
  for (const [index, pause] of pauses.entries()) {
    expect(pause).toBeGreaterThanOrEqual(700 * 2 ** (index + 1));
  }
  await page.unroute('**/draft');
  await expect
    .poll(async () => {
      await page.clock.runFor(2_000);
      return (await versions())[0];
    })
    .toEqual([1, 'draft', '40 + 2']);
  await is('saved');
});

test('an edit of a draft that another person has published becomes the next draft', async () => {
  const { page, name, write, is, versions } = await openDraftEditor(b);
  await write('40 + 2');
  await is('saved');
  await expect.poll(versions).toEqual([[1, 'draft', '40 + 2']]);
  // The page does not hear of it before its own save.
  const { promise: heard, resolve: mayHear } = Promise.withResolvers<void>();
  await page.route('**/rest/v1/workflow_versions*', async (route) => {
    await heard;
    await route.continue();
  });
  const { error } = await b.admin.rpc('publish_workflow', {
    workflow_version_id: (
      await b.db.query<{ id: string }>(
        `select v.id from stepbase.workflow_versions v join stepbase.workflows w on w.id = v.workflow_id
         where w.app_code = 'acme' and w.kebab_name = $1`,
        [name],
      )
    ).rows[0]?.id as string,
  });
  expect(error).toBeNull();
  await write('40 + 3');
  mayHear();
  await expect.poll(versions).toEqual([
    [2, 'draft', '40 + 3'],
    [1, 'published', '40 + 2'],
  ]);
  await is('saved');

  // Without an edit, the page shows the version that was published.
  const { data, error: problem } = await b.admin
    .from('workflow_versions')
    .select('id, workflow:workflows!version_workflow_is_of_same_app!inner(kebab_name)')
    .eq('workflow.kebab_name', name)
    .eq('status', 'draft')
    .single();
  expect(problem).toBeNull();
  await b.admin.rpc('publish_workflow', { workflow_version_id: data?.id ?? '' });
  await page.getByText('Version 2, no changes').waitFor();
});
