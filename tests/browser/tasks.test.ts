// The task inbox in a browser: a developer finds an approval of their role and a form of their own, reads who asked and
// why, comments, rejects only with a reason, approves, answers the form, and claims, releases and delegates a task, while
// a viewer sees no buttons.

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { edges, node, type StepRun, value } from '../engine/support.ts';
import { seedUser, signedIn, waitFor } from '../support/stack.ts';
import { faults, settled } from './gates.ts';
import { openAppPage, openPage, signIn } from './support.ts';

const FORM = {
  type: 'object',
  required: ['street', 'size'],
  properties: {
    street: { type: 'string', minLength: 3, title: 'Street and number' },
    size: { type: 'string', enum: ['small', 'large'], title: 'Size of the parcel' },
    count: { type: 'integer', minimum: 1, title: 'Number of parcels' },
  },
};

async function startRun(title: string) {
  const admin = await signedIn('admin@acme');
  const workflow = `inbox-${randomUUID()}`;
  const definition = {
    nodes: [
      node('ask', 'wait_for_approval', {
        title,
        description: 'Pay **today**, see the [invoice](https://shop.example/7) <img src="/x">',
        role: 'developer',
        deadline_ms: 3_600_000,
      }),
      node('address', 'user_task', {
        title: `Address for ${title}`,
        assigned_to: seedUser('developer@acme').id,
        form: FORM,
      }),
      node('pack', 'user_task', {
        title: `Pack for ${title}`,
        assigned_to: seedUser('developer@acme').id,
      }),
      value('end'),
    ],
    edges: edges('ask > end : approved', 'address > end'),
  };
  const input_schema = {
    type: 'object',
    properties: { customer: { type: 'string', title: 'Name of the customer' } },
  };
  const saved = await admin
    .rpc('save_workflow', { kebab_name: workflow, definition, input_schema })
    .single<{ id: string }>()
    .throwOnError();
  await admin.rpc('publish_workflow', { workflow_version_id: saved.data.id }).throwOnError();
  const { data: run } = await admin
    .rpc('start_run', { workflow, input: { customer: 'Kim', total: 1200, is_new: true } })
    .single<{ id: string }>()
    .throwOnError();
  const step = async (id: string) => {
    const { data } = await admin
      .from('step_runs')
      .select()
      .eq('run_id', run.id)
      .eq('step_id', id)
      .single<StepRun>();
    return data?.status === 'pending' || data?.status === 'running'
      ? undefined
      : (data ?? undefined);
  };
  const ask = await waitFor('the approval waits', () => step('ask'));
  await waitFor('the form waits', () => step('address'));
  return { admin, ask, step };
}

test('a developer answers the tasks of their inbox', async () => {
  const title = `Pay ${randomUUID()}?`;
  const page = await openPage();
  const [{ admin, ask, step }] = await Promise.all([
    startRun(title),
    signIn(page, 'developer@acme', '/tasks'),
  ]);

  // The list is live, and each filter has its tasks.
  await page.getByRole('link', { name: `Address for ${title}` }).waitFor();
  expect(await page.getByRole('link', { name: title, exact: true }).count()).toBe(0);
  await page.getByRole('tab', { name: 'My role' }).click();
  await page.getByRole('link', { name: title, exact: true }).click();

  // Who asked and why, in words; Markdown without its HTML.
  await page.getByRole('heading', { level: 1, name: title }).waitFor();
  await page.getByText('Role developer').waitFor();
  await page.getByText('Name of the customer').waitFor();
  const why = page.getByRole('region', { name: 'Who asked and why' });
  await why.getByText('Kim').waitFor();
  await why.getByText('Is new').waitFor();
  await why
    .getByText(/Ada|Admin|admin@acme/i)
    .first()
    .waitFor();
  await page.locator('strong', { hasText: 'today' }).waitFor();
  expect(await page.locator('main img').count()).toBe(0);

  // A comment of another person appears by itself, an own one after it.
  await admin
    .rpc('comment_task', { step_run_id: ask.id, body: 'It is the *last* one' })
    .throwOnError();
  await page.getByText('It is the *last* one').waitFor();
  await page.getByLabel('New comment').fill('Thank you');
  await page.getByRole('button', { name: 'Add comment' }).click();
  await page.getByRole('listitem').filter({ hasText: 'Thank you' }).waitFor();
  expect(await page.getByLabel('New comment').inputValue()).toBe('');

  // A viewer reads the task, but cannot answer it.
  const other = await openPage('dark');
  await signIn(other, 'viewer@acme', `/tasks/${ask.id}`);
  await other.getByText('This task is for others').waitFor();
  for (const name of ['Approve', 'Reject', 'Delegate', 'Add comment']) {
    expect(await other.getByRole('button', { name }).count(), name).toBe(0);
  }
  const found = await Promise.all([
    settled(page).then(() => faults(page, 'the task in light')),
    settled(other).then(() => faults(other, 'the task in dark')),
  ]);
  expect(found.flat()).toEqual([]);
  await page.setViewportSize({ width: 1360, height: 820 });

  // A claim of another person blocks the answer, in the words of the server.
  await admin.rpc('claim_task', { step_run_id: ask.id }).throwOnError();
  await page.getByText('has claimed this task').waitFor();
  expect(await page.getByRole('button', { name: 'Approve' }).isDisabled()).toBe(true);
  await admin.rpc('release_task', { step_run_id: ask.id }).throwOnError();
  await expect.poll(() => page.getByRole('button', { name: 'Approve' }).isDisabled()).toBe(false);

  // A rejection needs a reason.
  await page.getByRole('button', { name: 'Reject', exact: true }).click();
  expect(await page.getByRole('button', { name: 'Reject with this reason' }).isDisabled()).toBe(
    true,
  );
  await page.getByRole('button', { name: 'Back' }).click();
  await page.getByLabel('Comment (optional)').fill('fine');
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.getByText('Done. The run continues.').waitFor();
  await page.getByRole('link', { name: 'Next task' }).click();

  // The form says at its fields what is wrong.
  await page.getByRole('link', { name: `Address for ${title}` }).click();
  await page.getByLabel('Street and number').fill('12');
  await page.getByRole('button', { name: 'Complete task' }).click();
  await page.getByText('is required').first().waitFor();
  await page.getByLabel('Street and number').fill('12 St James Square');
  await page.getByRole('combobox', { name: 'Size of the parcel' }).click();
  await page.getByRole('option', { name: 'large' }).click();
  await page.getByRole('button', { name: 'Complete task' }).click();
  await page.getByText('Done. The run continues.').waitFor();

  expect(await step('ask')).toMatchObject({ handle: 'approved', output: { comment: 'fine' } });
  expect(await step('address')).toMatchObject({
    output: { street: '12 St James Square', size: 'large' },
    completed_by: seedUser('developer@acme').id,
  });
  // The last task is claimed, released, and given to a colleague with a note.
  await page.getByRole('link', { name: 'Next task' }).click();
  await page.getByRole('link', { name: `Pack for ${title}` }).click();
  await page.getByRole('button', { name: 'Claim this task' }).click();
  await page.getByText('You claimed the task.').waitFor();
  await page.getByRole('button', { name: 'Release the claim' }).click();
  await page.getByText('The task is released.').waitFor();
  await page.getByRole('button', { name: 'Delegate' }).click();
  const delegation = page.getByRole('dialog', { name: 'Delegate the task' });
  await delegation.getByRole('combobox', { name: 'To' }).fill('viewer@acme');
  await page.getByRole('option', { name: /viewer@acme/ }).click();
  await delegation.getByLabel('Note (optional)').fill('I am on holiday');
  await delegation.getByRole('button', { name: 'Delegate' }).click();
  await page.getByText('has the task now.').waitFor();
  expect(await step('pack')).toMatchObject({ assigned_to: seedUser('viewer@acme').id });

  await openAppPage(page, '/tasks?show=done');
  await page.getByRole('row').filter({ hasText: title }).first().waitFor();
  await page
    .getByRole('row')
    .filter({ hasText: `Address for ${title}` })
    .waitFor();
});
