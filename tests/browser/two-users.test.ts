// Two users side by side: one decides a task, the other one sees it on the page of the task, in the list of tasks and on
// the page of the run, without a reload. tests/browser/shell.test.ts has two windows with two applications.

import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { node, type TestApp, testApp, value } from '../engine/support.ts';
import { openPage, signIn } from './support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

async function opened(person: 'admin@acme' | 'developer@acme', path: string): Promise<Page> {
  const page = await openPage();
  await signIn(page, person, path);
  await page.evaluate(() => Object.assign(window, { loadedOnce: true }));
  return page;
}

test('a decision of one user reaches the pages of another one', async () => {
  const title = `Refund ${randomUUID().slice(0, 8)}?`;
  const workflow = await b.publish(
    [node('ask', 'wait_for_approval', { title }), value('after')],
    ['ask > after'],
  );
  const run = await b.start(workflow);
  const { id } = await b.stepIs(run.id, 'ask', 'waiting');
  const [decider, task, list, watched] = await Promise.all([
    opened('developer@acme', `/tasks/${id}`),
    opened('admin@acme', `/tasks/${id}`),
    opened('admin@acme', '/tasks?show=unassigned'),
    opened('admin@acme', `/runs/${run.id}`),
  ]);
  const listed = list.getByRole('link', { name: title, exact: true });
  const step = (status: string) =>
    watched.locator(`.step-node[data-step="ask"][data-status="${status}"]`);
  await Promise.all([
    task.getByRole('button', { name: 'Approve' }).waitFor(),
    listed.waitFor(),
    step('waiting').waitFor(),
  ]);

  await decider.getByLabel('Comment (optional)').fill('The parcel is lost.');
  await decider.getByRole('button', { name: 'Approve' }).click();
  await decider.getByText('Done. The run continues.').waitFor();

  await Promise.all([
    task
      .getByRole('listitem')
      .filter({ hasText: 'Dev Acme' })
      .getByText('The parcel is lost.')
      .waitFor(),
    task.getByRole('button', { name: 'Approve' }).waitFor({ state: 'detached' }),
    listed.waitFor({ state: 'detached' }),
    step('completed').waitFor(),
    watched.locator('.run-facts [data-status="completed"]').waitFor(),
  ]);
  for (const page of [task, list, watched]) {
    expect(await page.evaluate(() => 'loadedOnce' in window)).toBe(true);
  }
});
