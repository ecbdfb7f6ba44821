// Approvals of several persons and claims, when people act at the same time. The rules are tested in
// supabase/tests/access/approvals.test.sql and claim_tasks.test.sql.

import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../../../types/database.ts';
import { type Person, type StackClient, seedUser, signedIn } from '../../support/stack.ts';
import { codeOf, node, type StepRun, type TestApp, testApp, value } from '../support.ts';

const PEOPLE: Person[] = ['admin@acme', 'developer@acme', 'viewer@acme'];
const assigned_to = PEOPLE.map((person) => seedUser(person).id);

let b: TestApp;
let clients: StackClient[];
beforeAll(async () => {
  b = await testApp();
  clients = [b.admin, b.developer, await signedIn('viewer@acme')];
});

async function waitingTask(config: Record<string, Json>): Promise<StepRun> {
  const workflow = await b.publish(
    [
      node('ask', 'wait_for_approval', { title: 'Go on?', ...config }),
      value('yes', '$count(steps.ask.output.decisions)'),
      value('no', '"rejected"'),
    ],
    ['ask > yes : approved', 'ask > no : rejected'],
  );
  const { id } = await b.start(workflow);
  return await b.stepIs(id, 'ask', 'waiting');
}

const decide = (who: StackClient | undefined, task: StepRun, approved = true) =>
  who?.rpc('decide_approval', { step_run_id: task.id, approved }).single<StepRun>() ??
  Promise.reject(new Error('no such person'));

describe.concurrent('tasks of several persons', () => {
  test('two approvers at the same time both count', async () => {
    const task = await waitingTask({ assigned_to, approvals_required: 2 });
    expect(task).toMatchObject({ assigned_to: null, assigned_users: assigned_to.toSorted() });
    const answers = await Promise.all([decide(clients[0], task), decide(clients[1], task)]);
    expect(answers.map(codeOf)).toEqual(['none', 'none']);
    expect(answers.map(({ data }) => data?.status).toSorted()).toEqual(['completed', 'waiting']);
    const { run, step } = await b.ended(task.run_id);
    expect(run).toMatchObject({ status: 'completed', output: { yes: 2 } });
    expect(step('ask').output).toMatchObject({ approved: true, decisions: [{}, {}] });
  });

  test('of three approvals for two at the same time, the third is refused', async () => {
    const task = await waitingTask({ assigned_to, approvals_required: 2 });
    const answers = await Promise.all(clients.map((who) => decide(who, task)));
    expect(answers.map(codeOf).toSorted()).toEqual(['SB409 conflict', 'none', 'none']);
    expect((await b.ended(task.run_id)).run.output).toEqual({ yes: 2 });
  });

  test('a person who approves twice at the same time counts once', async () => {
    const task = await waitingTask({ assigned_to, approvals_required: 2 });
    const answers = await Promise.all([1, 2, 3].map(() => decide(clients[1], task)));
    expect(answers.map(codeOf).toSorted()).toEqual(['SB409 conflict', 'SB409 conflict', 'none']);
    expect(await b.stepIs(task.run_id, 'ask', 'waiting')).toMatchObject({ id: task.id });
    await decide(clients[2], task);
    expect((await b.ended(task.run_id)).run.status).toBe('completed');
  });

  test('an approval and a rejection at the same time have one outcome', async () => {
    const task = await waitingTask({ assigned_to, approvals_required: 2 });
    await decide(clients[0], task);
    const answers = await Promise.all([decide(clients[1], task), decide(clients[2], task, false)]);
    expect(answers.map(codeOf).toSorted()).toEqual(['SB409 conflict', 'none']);
    const { step } = await b.ended(task.run_id);
    expect(step('ask').handle).toBe(codeOf(answers[0]) === 'none' ? 'approved' : 'rejected');
  });

  test('the person who started the run is excluded', async () => {
    const task = await waitingTask({ exclude_requester: true });
    expect(codeOf(await decide(b.developer, task))).toBe('SB403 permission_denied');
    expect(codeOf(await decide(b.admin, task))).toBe('none');
    expect((await b.ended(task.run_id)).step('ask').output).toMatchObject({ approved: true });
  });

  test('one of two claims at the same time counts, and only that person decides', async () => {
    const task = await waitingTask({});
    const claims = await Promise.all(
      [b.admin, b.developer].map((who) =>
        who.rpc('claim_task', { step_run_id: task.id }).single<StepRun>(),
      ),
    );
    expect(claims.map(codeOf).toSorted()).toEqual(['SB409 conflict', 'none']);
    const [holder, other] = claims[0]?.data ? [b.admin, b.developer] : [b.developer, b.admin];
    expect(codeOf(await decide(other, task))).toBe('SB409 conflict');
    expect(codeOf(await decide(holder, task))).toBe('none');
    await b.ended(task.run_id);
  });

  test('a task for several persons of whom one is not a member fails', async () => {
    const { step } = await b.run([
      node(
        'ask',
        'wait_for_approval',
        { title: 'Go on?', assigned_to: [...assigned_to, seedUser('admin@globex').id] },
        { on_error: 'continue' },
      ),
    ]);
    expect(step('ask')).toMatchObject({ status: 'failed', error: { code: 'unknown_assignee' } });
  });
  test.each([
    ['an unknown role', { role: ['admin', 'king'] }, 'unknown_role'],
    ['a user who is not a member', { assigned_to: 'nobody' }, 'unknown_assignee'],
    ['no one', {}, 'invalid_config'],
  ])('a task that would be escalated to %s fails at its start', async (_what, to, code) => {
    const { step } = await b.run([
      node(
        'ask',
        'user_task',
        { title: 'Fill in', escalate: { after_ms: 3_600_000, ...to } },
        { on_error: 'continue' },
      ),
    ]);
    expect(step('ask')).toMatchObject({ status: 'failed', error: { code } });
  });

  test('the timer of a waiting task is its next reminder', async () => {
    const { id } = await b.start(
      await b.publish([
        node('ask', 'user_task', {
          title: 'Fill in',
          remind_every_ms: 3_600_000,
          deadline_ms: 86_400_000,
        }),
      ]),
    );
    const task = await b.stepIs(id, 'ask', 'waiting');
    const hours = (Date.parse(task.wake_at ?? '') - Date.parse(task.started_at ?? '')) / 3_600_000;
    expect(hours).toBe(1);
    await b.developer.rpc('complete_task', { step_run_id: task.id });
    await b.ended(id);
  });
});
