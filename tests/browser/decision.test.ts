// An approval by the links in mails, in a browser: the persons of the task follow their links without signing in, and the
// second of two approvals completes the run. A link that was opened has decided nothing.

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { edges, node, type StepRun, value } from '../engine/support.ts';
import { linkIn, mailTo } from '../support/mail.ts';
import { type Person, seedUser, signedIn, waitFor } from '../support/stack.ts';
import { openPage } from './support.ts';

const PEOPLE: Person[] = ['developer@acme', 'viewer@acme'];

test('two persons approve by the links in their mails', async () => {
  const title = `Pay ${randomUUID()}?`;
  const workflow = `approve-${randomUUID()}`;
  const admin = await signedIn('admin@acme');
  const config = {
    title,
    description: 'Invoice 7 of May:\n 1,200 €',
    assigned_to: PEOPLE.map((person) => seedUser(person).id),
    approvals_required: 2,
    exclude_requester: true,
    notify: true,
  };
  const definition = {
    nodes: [node('ask', 'wait_for_approval', config), value('paid', '"paid"')],
    edges: edges('ask > paid : approved'),
  };
  const saved = await admin
    .rpc('save_workflow', { kebab_name: workflow, definition })
    .single<{ id: string }>();
  await admin.rpc('publish_workflow', { workflow_version_id: saved.data?.id ?? '' }).throwOnError();
  const { data: run } = await admin.rpc('start_run', { workflow }).single<{ id: string }>();
  const step = async () => {
    const { data } = await admin
      .from('step_runs')
      .select()
      .eq('run_id', run?.id ?? '')
      .eq('step_id', 'ask')
      .single<StepRun>();
    return data;
  };

  const [developer, viewer] = await Promise.all(
    PEOPLE.map((person) => mailTo(seedUser(person).email, new RegExp(title.replace('?', '\\?')))),
  );
  if (developer === undefined || viewer === undefined) throw new Error('a mail is missing');
  expect(linkIn(developer, /decisions/).href).not.toBe(linkIn(viewer, /decisions/).href);

  const page = await openPage('light', linkIn(developer, /decisions/).href);
  await page.getByRole('heading', { name: title }).waitFor();
  await page.getByText('For Dev Acme').waitFor();
  await page.getByText('0 of 2 approvals so far').waitFor();
  expect(await step()).toMatchObject({ status: 'waiting' });
  await page.getByLabel('Comment').fill('fine');
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.getByText('The workflow waits for further decisions').waitFor();
  await page.reload();
  await page.getByRole('alert').getByText('was used').waitFor();

  const narrow = await openPage('dark', linkIn(viewer, /decisions/).href);
  await narrow.setViewportSize({ width: 360, height: 700 });
  await narrow.getByText('1 of 2 approvals so far').waitFor();
  const width = await narrow.evaluate(() => document.documentElement.scrollWidth);
  expect(width).toBeLessThanOrEqual(360);
  await narrow.getByRole('button', { name: 'Approve' }).click();
  await narrow.getByText('You approved it.').waitFor();

  const done = await waitFor('the approval is completed', async () => {
    const found = await step();
    return found?.status === 'completed' && found;
  });
  expect(done).toMatchObject({ handle: 'approved', completed_by: seedUser('viewer@acme').id });
  const { data: decisions } = await admin
    .from('task_decisions')
    .select('user_id, via, comment')
    .eq('step_run_id', done.id)
    .order('created_at');
  expect(decisions).toEqual([
    { user_id: seedUser('developer@acme').id, via: 'link', comment: 'fine' },
    { user_id: seedUser('viewer@acme').id, via: 'link', comment: null },
  ]);
});
