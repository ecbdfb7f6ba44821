// Timers of one run never stop those of others, neither while it is paused nor if waking it raises an error.
// These tests move the clock, so they run one after the other on a stack of their own.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Stack } from '../../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../../scripts/stack/throwaway.ts';
import { type StackClient, signedIn, waitFor } from '../../support/stack.ts';
import { expectLegalHistory, node, type Run, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
let other: StackClient;
let stack: Stack;
beforeAll(async () => {
  stack = await startThrowawayStack({ web: false });
  b = await testApp(stack.info);
  other = await signedIn('developer@globex', stack.info);
});
afterAll(() => stack?.stop());

const MINUTES = 60_000;

/** A run of another application that waits for half an hour. */
async function otherAppWaits(): Promise<string> {
  const name = `t-${randomUUID()}`;
  const definition = { nodes: [node('wait', 'delay', { ms: 30 * MINUTES })], edges: [] };
  const saved = await other
    .rpc('save_workflow', { kebab_name: name, definition })
    .single<{ id: string }>();
  await other.rpc('publish_workflow', { workflow_version_id: saved.data?.id });
  const { data } = await other.rpc('start_run', { workflow: name }).single<Run>();
  await b.stepIs(data?.id ?? '', 'wait', 'waiting');
  return data?.id ?? '';
}

async function otherAppGoesOn(runId: string): Promise<void> {
  await waitFor('the run of the other app ends', async () => {
    const { data } = await other.from('runs').select('status').eq('id', runId).single();
    return data?.status === 'completed';
  });
}

async function count(runId: string, status: string): Promise<number> {
  const { rows } = await b.db.query<{ n: number }>(
    'select count(*)::int as n from stepbase.step_runs where run_id = $1 and status = $2',
    [runId, status],
  );
  return rows[0]?.n ?? -1;
}

/** Resolves when no timer is overdue, after the wake that a worker may be executing. */
async function nothingIsOverdue(): Promise<void> {
  await waitFor('no timer is overdue', async () => {
    const { rows } = await b.db.query<{ ahead: boolean }>(
      'select coalesce(stepbase_engine.wake() > stepbase_engine.now(), true) as ahead',
    );
    return rows[0]?.ahead;
  });
}

const limit = (workflow: string, seconds: number) =>
  b.db.query('update stepbase.workflows set execution_timeout_seconds = $2 where kebab_name = $1', [
    workflow,
    seconds,
  ]);

describe('a paused run', () => {
  test('with hundreds of due steps delays no other run, and continues where it was when it is resumed', async () => {
    const delays = Array.from({ length: 450 }, (_, i) =>
      node(`d${i}`, 'delay', { ms: 10 * MINUTES }),
    );
    const name = await b.publish(delays);
    await limit(name, 86_400);
    const { id } = await b.start(name);
    await waitFor('all steps wait', async () => (await count(id, 'waiting')) === 450, 30_000);
    const otherRun = await otherAppWaits();
    await b.developer.rpc('pause_run', { run_id: id });
    await b.advance('31 minutes');
    await otherAppGoesOn(otherRun);
    await nothingIsOverdue();
    expect(await count(id, 'waiting')).toBe(450);
    await b.developer.rpc('resume_run', { run_id: id });
    expect((await b.ended(id, 30_000)).run.status).toBe('completed');
  });

  test('keeps timers that are not due yet, and the deadlines of its tasks', async () => {
    const name = await b.publish(
      [
        node('ask', 'wait_for_approval', { title: 'Go on?', deadline_ms: 10 * MINUTES }),
        node('later', 'delay', { ms: 60 * MINUTES }),
        value('late', '"too late"'),
      ],
      ['ask > late : timeout'],
    );
    await limit(name, 86_400);
    const { id } = await b.start(name);
    await b.stepIs(id, 'ask', 'waiting');
    await b.stepIs(id, 'later', 'waiting');
    await b.developer.rpc('pause_run', { run_id: id });
    await b.advance('11 minutes');
    await nothingIsOverdue();
    await b.stepIs(id, 'ask', 'waiting');
    await b.developer.rpc('resume_run', { run_id: id });
    await b.stepIs(id, 'late', 'completed');
    await b.stepIs(id, 'later', 'waiting');
    await b.advance('1 hour');
    expect((await b.ended(id)).run.status).toBe('completed');
  });

  test('still times out a child whose deadline passed meanwhile', async () => {
    const child = await b.publish([node('hold', 'wait_for_signal', { signal_name: 'never' })]);
    const name = await b.publish(
      [
        node('call', 'child_workflow', { workflow: child, timeout_ms: 10 * MINUTES }),
        value('late', '"too late"'),
      ],
      ['call > late : timeout'],
    );
    for (const workflow of [child, name]) await limit(workflow, 86_400);
    const { id } = await b.start(name);
    await b.stepIs(id, 'call', 'waiting');
    await b.developer.rpc('pause_run', { run_id: id });
    await b.advance('11 minutes');
    await nothingIsOverdue();
    await b.stepIs(id, 'call', 'waiting');
    await b.developer.rpc('resume_run', { run_id: id });
    expect((await b.ended(id)).run).toMatchObject({
      status: 'completed',
      output: { late: 'too late' },
    });
  });
});

describe('a run that raises an error when it is woken', () => {
  /** Makes every change of this step to one of these statuses raise an error. */
  async function breakStep(
    stepRunId: string,
    statuses: string[],
    errcode = 'P0001',
  ): Promise<() => Promise<unknown>> {
    await b.db.query(`
      create or replace function stepbase_engine.break_step() returns trigger language plpgsql as $$
      begin raise exception using errcode = '${errcode}', message = 'broken by the test'; end $$;
      create trigger break_step before update on stepbase.step_runs for each row
      when (new.id = '${stepRunId}' and new.status in (${statuses.map((s) => `'${s}'`).join()}))
      execute function stepbase_engine.break_step()`);
    return () => b.db.query('drop trigger break_step on stepbase.step_runs');
  }

  test('fails with a clear error, and the other runs continue', async () => {
    const undo = { type: 'transform', config: { expression: '"undone"' } };
    const name = await b.publish(
      [
        { ...value('first'), data: { config: { expression: '1' }, compensate: undo } },
        node('wait', 'delay', { ms: 10 * MINUTES }),
      ],
      ['first > wait'],
    );
    await limit(name, 86_400);
    const { id } = await b.start(name);
    const step = await b.stepIs(id, 'wait', 'waiting');
    const otherRun = await otherAppWaits();
    const mend = await breakStep(step.id, ['completed']);
    await b.advance('31 minutes');
    await otherAppGoesOn(otherRun);
    const { run, statuses, all } = await b.ended(id);
    expect(run).toMatchObject({
      status: 'failed',
      error: { code: 'engine_error', message: expect.stringContaining('broken by the test') },
    });
    expect(statuses).toEqual({ first: 'completed', wait: 'cancelled' });
    expect(run.error).not.toHaveProperty('compensation_cancelled');
    expect(all.find(({ item_index }) => item_index === -1)).toMatchObject({ output: 'undone' });
    await mend();
  });

  test('is postponed if it cannot be failed either, and continues after the repair', async () => {
    const name = await b.publish([node('wait', 'delay', { ms: 10 * MINUTES })]);
    await limit(name, 86_400);
    const { id } = await b.start(name);
    const step = await b.stepIs(id, 'wait', 'waiting');
    const otherRun = await otherAppWaits();
    const mend = await breakStep(step.id, ['completed', 'failed', 'cancelled']);
    await b.advance('31 minutes');
    await otherAppGoesOn(otherRun);
    await nothingIsOverdue();
    await b.stepIs(id, 'wait', 'waiting');
    await mend();
    await b.advance('10 minutes');
    expect((await b.ended(id)).run.status).toBe('completed');
  });

  test('is woken again soon after a transient error', async () => {
    const name = await b.publish([node('wait', 'delay', { ms: 10 * MINUTES })]);
    await limit(name, 86_400);
    const { id } = await b.start(name);
    const step = await b.stepIs(id, 'wait', 'waiting');
    const otherRun = await otherAppWaits();
    const mend = await breakStep(step.id, ['completed'], '40P01');
    await b.advance('31 minutes');
    await otherAppGoesOn(otherRun);
    await nothingIsOverdue();
    await b.stepIs(id, 'wait', 'waiting');
    await mend();
    await b.advance('10 seconds');
    expect((await b.ended(id)).run.status).toBe('completed');
  });

  test('is also postponed at its own time limit, and times out after the repair', async () => {
    const name = await b.publish([node('wait', 'delay', { ms: 600 * MINUTES })]);
    await limit(name, 600);
    const { id } = await b.start(name);
    const step = await b.stepIs(id, 'wait', 'waiting');
    const otherRun = await otherAppWaits();
    const mend = await breakStep(step.id, ['cancelled']);
    await b.advance('31 minutes');
    await otherAppGoesOn(otherRun);
    await nothingIsOverdue();
    await b.stepIs(id, 'wait', 'waiting');
    await mend();
    await b.advance('10 minutes');
    await waitFor('the run has timed out', async () => {
      const { data } = await b.developer.from('runs').select('status').eq('id', id).single();
      return data?.status === 'timed_out';
    });
    await expectLegalHistory(b.db, id);
  });
});
