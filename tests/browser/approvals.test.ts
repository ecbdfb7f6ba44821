// Approvals that need more than one person: the page counts the decisions while others decide, and the person who started
// the run reads why they cannot decide.

import { beforeAll, expect, test } from 'vitest';
import { node, type TestApp, testApp } from '../engine/support.ts';
import { openAppPage, openPage, signIn } from './support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

test('an approval of two persons counts them, and can exclude who started the run', async () => {
  const both = await b.publish([
    node('ask', 'wait_for_approval', { title: 'Pay 900?', approvals_required: 2 }),
  ]);
  const others = await b.publish([
    node('ask', 'wait_for_approval', { title: 'Pay 9000?', exclude_requester: true }),
  ]);
  const runs = [await b.start(both), await b.start(others)] as const;
  const [first, second] = [
    await b.stepIs(runs[0].id, 'ask', 'waiting'),
    await b.stepIs(runs[1].id, 'ask', 'waiting'),
  ];

  const page = await openPage();
  await signIn(page, 'developer@acme', `/tasks/${first.id}`);
  await page.getByText('0 of 2 approvals').waitFor();
  await b.admin.rpc('decide_approval', { step_run_id: first.id, approved: true }).throwOnError();
  await page.getByText('1 of 2 approvals').waitFor();
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.getByText('Done. The run continues.').waitFor();
  expect((await b.ended(runs[0].id)).step('ask').handle).toBe('approved');

  await openAppPage(page, `/tasks/${second.id}`);
  await page.getByText('this approval needs the decision of another person').waitFor();
  expect(await page.getByRole('button', { name: 'Approve' }).count()).toBe(0);
  const refused = await b.developer.rpc('decide_approval', {
    step_run_id: second.id,
    approved: true,
  });
  expect(refused.error?.code).toBe('SB403');
});
