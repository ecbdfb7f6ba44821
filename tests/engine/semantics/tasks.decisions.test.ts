// Tasks: the callers who may decide, the effect of a decision, and that only the first decision counts.

import { beforeAll, describe, expect, test } from 'vitest';
import { seedUser, signedIn, waitFor } from '../../support/stack.ts';
import { codeOf, node, type StepRun, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

const approval = (config: Record<string, string | number> = {}) => [
  node('ask', 'wait_for_approval', { title: 'Go on?', ...config }),
  value('yes', '"approved by " & steps.ask.output.comment'),
  value('no', '"rejected"'),
];
const LINES = ['ask > yes : approved', 'ask > no : rejected'];

async function waitingTask(config?: Record<string, string | number>): Promise<StepRun> {
  const { id } = await b.start(await b.publish(approval(config), LINES));
  return await b.stepIs(id, 'ask', 'waiting');
}

describe.concurrent('tasks', () => {
  test('an approved approval takes the edge approved', async () => {
    const task = await waitingTask();
    const decided = await b.admin
      .rpc('decide_approval', { step_run_id: task.id, approved: true, comment: 'me' })
      .single<StepRun>();
    expect(decided.data).toMatchObject({ status: 'completed', handle: 'approved' });
    const { run, statuses, step } = await b.ended(task.run_id);
    expect(run).toMatchObject({ status: 'completed', output: { yes: 'approved by me' } });
    expect(statuses).toMatchObject({ yes: 'completed', no: 'skipped' });
    expect(step('ask')).toMatchObject({
      completed_by: seedUser('admin@acme').id,
      output: { approved: true, comment: 'me', decided_by: seedUser('admin@acme').id },
    });
  });

  test('a rejected approval takes the edge rejected', async () => {
    const task = await waitingTask();
    await b.developer.rpc('decide_approval', { step_run_id: task.id, approved: false });
    const { run } = await b.ended(task.run_id);
    expect(run).toMatchObject({ status: 'completed', output: { no: 'rejected' } });
  });

  test('a decision that is neither yes nor no is refused', async () => {
    const task = await waitingTask();
    const decide = (approved: boolean | null) =>
      b.developer.rpc('decide_approval', { step_run_id: task.id, approved });
    expect(codeOf(await decide(null))).toBe('SB400 invalid_request');
    await decide(true);
    expect((await b.ended(task.run_id)).run.status).toBe('completed');
  });

  test('a decision counts once, even if ten people decide at the same time', async () => {
    const task = await waitingTask();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        (i % 2 ? b.admin : b.developer).rpc('decide_approval', {
          step_run_id: task.id,
          approved: i % 3 === 0,
        }),
      ),
    );
    expect(answers.map(codeOf).toSorted()).toEqual([
      ...Array.from({ length: 9 }, () => 'SB409 conflict'),
      'none',
    ]);
    const { run } = await b.ended(task.run_id);
    expect(run.status).toBe('completed');
    const again = await b.admin.rpc('decide_approval', { step_run_id: task.id, approved: true });
    expect(codeOf(again)).toBe('SB409 conflict');
  });

  test('a caller without the role of the task, a viewer, and a member of another app are refused', async () => {
    const task = await waitingTask({ role: 'admin' });
    const [viewer, stranger] = await Promise.all([
      signedIn('viewer@acme'),
      signedIn('admin@globex'),
    ]);
    const decide = { step_run_id: task.id, approved: true };
    expect(codeOf(await b.developer.rpc('decide_approval', decide))).toBe(
      'SB403 permission_denied',
    );
    expect(codeOf(await viewer.rpc('decide_approval', decide))).toBe('SB403 permission_denied');
    expect(codeOf(await stranger.rpc('decide_approval', decide))).toBe('SB404 not_found');
    expect(await b.stepIs(task.run_id, 'ask', 'waiting')).toMatchObject({ id: task.id });
    expect(codeOf(await b.admin.rpc('decide_approval', decide))).toBe('none');
    await b.ended(task.run_id);
  });

  test('an assignee with any role can decide; others with the same role cannot', async () => {
    const viewer = await signedIn('viewer@acme');
    const task = await waitingTask({ assigned_to: seedUser('viewer@acme').id });
    expect(task.assigned_to).toBe(seedUser('viewer@acme').id);
    const decide = { step_run_id: task.id, approved: true };
    expect(codeOf(await b.developer.rpc('decide_approval', decide))).toBe(
      'SB403 permission_denied',
    );
    expect(codeOf(await viewer.rpc('decide_approval', decide))).toBe('none');
    await b.ended(task.run_id);
  });

  test('a task cannot be decided between two attempts, and the next attempt is for the same people', async () => {
    const { id } = await b.start(
      await b.publish(
        [
          node(
            'ask',
            'wait_for_approval',
            { title: 'Go on?', role: 'admin', deadline_ms: 1 },
            { retry: { max_attempts: 2, delay_ms: 3_600_000, retry_on: ['timeout'] } },
          ),
        ],
        [],
      ),
    );
    const next = await waitFor('the next attempt', async () => {
      const { data } = await b.developer
        .from('step_runs')
        .select()
        .eq('run_id', id)
        .eq('attempt', 2)
        .maybeSingle<StepRun>();
      return data ?? false;
    });
    expect(next).toMatchObject({
      status: 'waiting',
      wait_kind: 'retry',
      assigned_roles: ['admin'],
    });
    expect(next.task).toMatchObject({ title: 'Go on?' });
    const decide = { step_run_id: next.id, approved: true };
    expect(codeOf(await b.developer.rpc('decide_approval', decide))).toBe(
      'SB403 permission_denied',
    );
    expect(codeOf(await b.admin.rpc('decide_approval', decide))).toBe('SB409 conflict');
    await b.developer.rpc('cancel_run', { run_id: id });
    await b.ended(id);
  });

  test.each([
    ['an e-mail address', { assigned_to: '{{ input.who }}' }, 'viewer@acme.example'],
    ['a user who is not a member', { assigned_to: '{{ input.who }}' }, seedUser('admin@globex').id],
    ['empty text', { assigned_to: '{{ input.who }}{{ input.none }}' }, ''],
    ['an unknown role', { role: '{{ input.who }}' }, 'king'],
  ])('a task for %s fails and is not offered to everyone', async (_what, config, who) => {
    const { run, statuses, step } = await b.run(
      [...approval(config), value('nobody', 'steps.ask.output.error.code')],
      [...LINES, 'ask > nobody : error'],
      { who },
    );
    const code = 'role' in config ? 'unknown_role' : 'unknown_assignee';
    expect(step('ask')).toMatchObject({ status: 'failed', error: { code, retryable: false } });
    expect(statuses).toMatchObject({ yes: 'skipped', no: 'skipped' });
    expect(run).toMatchObject({ status: 'completed', output: { nobody: code } });
    const { data } = await b.developer
      .from('run_events')
      .select('event_type')
      .eq('run_id', run.id)
      .eq('event_type', 'task.created');
    expect(data).toEqual([]);
  });

  test('an approval cannot be completed as a user task, nor a user task decided as an approval', async () => {
    const task = await waitingTask();
    expect(codeOf(await b.admin.rpc('complete_task', { step_run_id: task.id }))).toBe(
      'SB404 not_found',
    );
    await b.admin.rpc('decide_approval', { step_run_id: task.id, approved: true });
    await b.ended(task.run_id);
  });

  test('a user task accepts only data that matches its form', async () => {
    const form = {
      type: 'object',
      required: ['size'],
      properties: { size: { type: 'integer', minimum: 1 } },
    };
    const { id } = await b.start(
      await b.publish(
        [
          node('measure', 'user_task', { title: 'Measure {{ input.what }}', form }),
          value('twice', 'steps.measure.output.size * 2'),
        ],
        ['measure > twice'],
      ),
      { what: 'the door' },
    );
    const task = await b.stepIs(id, 'measure', 'waiting');
    expect(task.task).toMatchObject({ title: 'Measure the door', form });
    const wrong = await b.developer.rpc('complete_task', {
      step_run_id: task.id,
      output: { size: 0 },
    });
    expect(codeOf(wrong)).toBe('SB422 invalid_input');
    const right = { step_run_id: task.id, output: { size: 21 } };
    expect(codeOf(await b.developer.rpc('complete_task', right))).toBe('none');
    expect(codeOf(await b.developer.rpc('complete_task', right))).toBe('SB409 conflict');
    const { run } = await b.ended(id);
    expect(run.output).toEqual({ twice: 42 });
  });

  test('a task of a cancelled run cannot be decided', async () => {
    const task = await waitingTask();
    await b.developer.rpc('cancel_run', { run_id: task.run_id });
    const late = await b.admin.rpc('decide_approval', { step_run_id: task.id, approved: true });
    expect(codeOf(late)).toBe('SB409 conflict');
    const { statuses } = await b.ended(task.run_id);
    expect(statuses).toEqual({ ask: 'cancelled' });
  });
});
