// Each call of the SDK, as a user and as a machine: the same arguments, the same answers, the same errors.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ConflictError,
  createStepbase,
  InvalidInputError,
  NetworkError,
  NotAuthenticatedError,
  NotFoundError,
  PermissionDeniedError,
  RunError,
  type Stepbase,
  StepbaseError,
  TimeoutError,
} from '../../sdk/src/index.ts';
import { failing, node, type TestApp, testApp, value } from '../engine/support.ts';
import { signedIn, waitFor } from '../support/stack.ts';
import { callers, createKey } from './support.ts';

let b: TestApp;
let all: Awaited<ReturnType<typeof callers>>;
/** Adds one to `n` of its input, which must be a number. */
let adding: string;
let approval: string;
let form: string;
let signalled: string;
beforeAll(async () => {
  b = await testApp();
  all = await callers(b);
  adding = await b.publish([value('sum', 'input.n + 1')], [], {
    input_schema: { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] },
  });
  approval = await b.publish([node('ask', 'wait_for_approval', { title: 'Go?' })]);
  form = await b.publish([node('fill', 'user_task', { title: 'Address', role: 'admin' })]);
  signalled = await b.publish(
    [
      node('paid', 'wait_for_signal', { signal_name: 'paid' }),
      value('amount', 'steps.paid.output.amount'),
    ],
    ['paid > amount'],
  );
});
afterAll(() => b?.admin.removeAllChannels());

/** The error of a call that must fail. */
async function refusal(call: Promise<unknown>): Promise<StepbaseError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StepbaseError)) throw new Error(`no StepbaseError: ${String(error)}`);
  return error;
}

describe.each(['user', 'machine'] as const)('as a %s', (who) => {
  let stepbase: Stepbase;
  beforeAll(() => {
    stepbase = all[who];
  });

  test('a run starts once for its key, and its result is its output', async () => {
    const idempotencyKey = randomUUID();
    const options = { idempotencyKey, tags: ['sdk'], metadata: { from: who }, priority: 3 };
    const run = await stepbase.start(adding, { n: 1 }, options);
    expect(run.row).toMatchObject({
      id: run.id,
      tags: ['sdk'],
      priority: 3,
      metadata: { from: who },
    });
    expect(await run.result()).toEqual({ sum: 2 });
    const again = await stepbase.start(adding, { n: 1 }, { idempotencyKey });
    expect(again.id).toBe(run.id);
    expect(await stepbase.run(run.id).get()).toMatchObject({ id: run.id, status: 'completed' });
    expect((await run.steps()).map(({ step_id, output }) => [step_id, output])).toEqual([
      ['sum', 2],
    ]);
    const conflict = await refusal(stepbase.start(adding, { n: 2 }, { idempotencyKey }));
    expect(conflict).toBeInstanceOf(ConflictError);
    expect(conflict).toMatchObject({ code: 'conflict', details: { run_id: run.id } });
    const found = stepbase.search({ workflow: adding, idempotency_key: idempotencyKey });
    expect((await found.toArray()).map(({ id }) => id)).toEqual([run.id]);
  });

  test('many runs start, each with its own outcome', async () => {
    const key = randomUUID();
    const outcomes = await stepbase.startMany(adding, [
      { input: { n: 1 }, idempotencyKey: key },
      { input: { n: 'one' } },
      { input: { n: 1 }, idempotencyKey: key },
    ]);
    expect(outcomes.map(({ index, status }) => [index, status])).toEqual([
      [0, 'started'],
      [1, 'refused'],
      [2, 'existing'],
    ]);
    expect(outcomes[1]?.error?.code).toBe('invalid_input');
    expect(outcomes[2]?.run_id).toBe(outcomes[0]?.run_id);
  });

  test('a failed run rejects with its error, and an ended one is returned in each case', async () => {
    const run = await stepbase.start(await b.publish([failing('broken')]));
    const error = await refusal(run.result());
    expect(error).toBeInstanceOf(RunError);
    expect(error).toMatchObject({ name: 'RunError', code: 'run_failed', runId: run.id });
    expect((error as RunError).failure?.message).toContain('broken fails');
    expect((await run.ended()).status).toBe('failed');
  });

  test('a run waits, is paused, resumed and cancelled', async () => {
    const run = await stepbase.start(approval);
    const late = await refusal(run.result({ timeoutMs: 50 }));
    expect(late).toBeInstanceOf(TimeoutError);
    expect(late.code).toBe('timeout');
    expect((await run.pause()).status).toBe('paused');
    expect((await run.resume()).status).toBe('running');
    const waiting = run.result();
    await run.cancel({ reason: 'not needed' });
    expect(await refusal(waiting)).toMatchObject({ code: 'run_cancelled' });
  });

  test('a signal and a query', async () => {
    const run = await stepbase.start(signalled);
    expect(await run.query('status')).toMatchObject({
      status: expect.stringMatching(/pending|running/),
    });
    await run.signal('paid', { amount: 7 });
    expect(await run.result()).toEqual({ amount: 7 });
    expect(await refusal(run.signal('paid'))).toMatchObject({ code: 'conflict' });
    expect(await refusal(run.query('unknown'))).toBeInstanceOf(NotFoundError);
  });

  test('tasks are listed, claimed, released, completed and decided', async () => {
    const asked = await stepbase.start(approval);
    const filled = await stepbase.start(form);
    await Promise.all([
      b.stepIs(asked.id, 'ask', 'waiting'),
      b.stepIs(filled.id, 'fill', 'waiting'),
    ]);
    const [task] = await stepbase.tasks.list({ runId: filled.id, assignedRole: 'admin' }).toArray();
    if (task === undefined) throw new Error('there is no task');
    expect(task.task).toMatchObject({ title: 'Address' });
    if (who === 'user') {
      expect((await stepbase.tasks.claim(task.id)).claimed_by).not.toBeNull();
      const mine = await stepbase.tasks.list({ runId: filled.id, mine: true }).toArray();
      expect(mine.map(({ id }) => id)).toEqual([task.id]);
      expect((await stepbase.tasks.release(task.id)).claimed_by).toBeNull();
    }
    await stepbase.tasks.complete(task.id, { street: 'Main Street 1' });
    expect(await filled.result()).toEqual({ fill: { street: 'Main Street 1' } });
    const [decision] = await stepbase.tasks.list({ runId: asked.id }).toArray();
    await stepbase.tasks.decide(decision?.id ?? '', { approved: true, comment: 'fine' });
    expect((await asked.ended()).output).toMatchObject({
      ask: { approved: true, comment: 'fine' },
    });
    expect((await stepbase.tasks.get(decision?.id ?? '')).status).toBe('completed');
    expect(await stepbase.tasks.list({ runId: asked.id }).toArray()).toEqual([]);
    const developer = (await b.developer.auth.getUser()).data.user?.id ?? '';
    const given = await stepbase.start(form);
    const { id } = await b.stepIs(given.id, 'fill', 'waiting');
    const delegated = await stepbase.tasks.delegate(id, developer, { note: 'please' });
    expect(delegated.assigned_to).toBe(developer);
    await given.cancel();
  });

  test('schedules are created, changed, run, backfilled and deleted', async () => {
    const { schedules } = stepbase;
    const made = await schedules.create(adding, {
      cron: '0 7 * * mon',
      input: { n: 1 },
      timezone: 'Europe/Berlin',
      overlapPolicy: 'skip',
    });
    expect(made).toMatchObject({ timezone: 'Europe/Berlin', overlap_policy: 'skip' });
    expect((await schedules.pause(made.id)).is_enabled).toBe(false);
    const paused = await schedules.list({ enabled: false }).toArray();
    expect(paused.map(({ id }) => id)).toContain(made.id);
    expect((await schedules.resume(made.id)).is_enabled).toBe(true);
    expect((await schedules.update(made.id, { maxRuns: 5 })).max_runs).toBe(5);
    const now = await schedules.runNow(made.id, { overlapPolicy: 'allow' });
    expect(now.outcome).toBe('started');
    expect(await stepbase.run(now.run_id ?? '').result()).toEqual({ sum: 2 });
    const times = await schedules.nextTimes(made.id, { count: 2 });
    expect(times.length).toBeLessThanOrEqual(2);
    const backfill = await schedules.backfill(made.id, {
      from: new Date('2026-01-05T00:00:00Z'),
      to: '2026-01-06T00:00:00Z',
    });
    expect((await schedules.getBackfill(backfill.id)).schedule_id).toBe(made.id);
    // It may have ended meanwhile.
    await schedules.cancelBackfill(backfill.id).catch((error: unknown) => {
      expect(error).toBeInstanceOf(ConflictError);
    });
    expect((await schedules.outcomes(made.id).toArray()).length).toBeGreaterThan(0);
    expect((await schedules.get(made.id)).id).toBe(made.id);
    await schedules.delete(made.id);
    expect(await refusal(schedules.get(made.id))).toBeInstanceOf(NotFoundError);
    expect(
      await refusal(schedules.create('no-such-workflow', { cron: '0 7 * * *' })),
    ).toBeInstanceOf(NotFoundError);
  });

  test('secrets are set, rolled back, listed and deleted', async () => {
    const name = `sdk_${who}`;
    const { secrets } = stepbase;
    await secrets.set(name, 'first', { allowedHosts: ['api.example.com'] });
    expect(await secrets.set(name, 'second')).toEqual({
      name,
      version: 2,
      allowed_hosts: ['api.example.com'],
    });
    expect((await secrets.rollback(name, 1)).version).toBe(1);
    expect((await secrets.list()).find((one) => one.name === name)).toMatchObject({ version: 1 });
    await secrets.delete(name);
    expect(await refusal(secrets.delete(name))).toBeInstanceOf(NotFoundError);
  });

  test('an event is emitted once for its key', async () => {
    const idempotencyKey = randomUUID();
    const id = await stepbase.emit('order.paid', { order: 1 }, { idempotencyKey });
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await stepbase.emit('order.paid', { order: 1 }, { idempotencyKey })).toBe(id);
  });

  test('an operation acts on the runs of its preview, and statistics are read by workflow', async () => {
    const workflow = await b.publish([node('ask', 'wait_for_approval', { title: 'Go?' })]);
    const runs = await Promise.all([stepbase.start(workflow), stepbase.start(workflow)]);
    const selection = { action: 'cancel', filter: { workflow } } as const;
    const { preview, count } = await stepbase.operations.preview(selection);
    expect(count).toBe(2);
    const started = await stepbase.operations.start({ ...selection, preview, reason: 'enough' });
    expect(started).toMatchObject({ action: 'cancel', total: 2, reason: 'enough' });
    for (const run of runs) expect((await run.ended()).status).toBe('cancelled');
    const ended = await waitFor('the operation has ended', async () => {
      const row = await stepbase.operations.get(started.id);
      return row.ended_at === null ? undefined : row;
    });
    expect(ended).toMatchObject({ status: 'completed', done: 2, failed: 0, skipped: 0 });
    expect((await stepbase.operations.stop(started.id)).status).toBe('completed');
    const listed = await stepbase.operations
      .list({ status: 'completed', action: 'cancel' })
      .toArray();
    expect(listed.map(({ id }) => id)).toContain(started.id);
    const stale = stepbase.operations.start({ ...selection, action: 'pause', preview });
    expect(await refusal(stale)).toBeInstanceOf(StepbaseError);
    const since = new Date(runs[0].row.created_at);
    const statistics = await stepbase.statistics({ groupBy: 'step', workflow, since });
    expect(new Date(statistics.since)).toEqual(since);
    expect(statistics).toMatchObject({ settled_at: expect.any(String), items: expect.any(Array) });
    const unknown = stepbase.statistics({ workflow: 'no-such-workflow' });
    expect(await refusal(unknown)).toBeInstanceOf(NotFoundError);
  });

  test('errors have classes and codes', async () => {
    const invalid = await refusal(stepbase.start(adding, { n: 'one' }));
    expect(invalid).toBeInstanceOf(InvalidInputError);
    expect(invalid).toMatchObject({
      name: 'InvalidInputError',
      code: 'invalid_input',
      status: 422,
    });
    expect(invalid.details.errors).toMatchObject([{ path: expect.stringContaining('n') }]);
    expect(await refusal(stepbase.run(randomUUID()).get())).toBeInstanceOf(NotFoundError);
    expect(await refusal(stepbase.run(randomUUID()).result())).toBeInstanceOf(NotFoundError);
    const aborted = new AbortController();
    aborted.abort(new Error('enough'));
    await expect(stepbase.start(adding, { n: 1 }, { signal: aborted.signal })).rejects.toThrow(
      'enough',
    );
    const run = await stepbase.start(approval);
    const leaving = new AbortController();
    const result = run.result({ signal: leaving.signal });
    leaving.abort(new Error('left'));
    await expect(result).rejects.toThrow('left');
    await run.cancel();
  });
});

test('a list reads all of its pages', async () => {
  const workflow = await b.publish([value('one')]);
  for (let n = 0; n < 5; n += 1)
    await all.user.schedules.create(workflow, { cron: `${n} 7 * * *` });
  for (const { schedules } of [all.user, all.machine]) {
    const list = schedules.list({ workflow }, { pageSize: 2 });
    const crons = (await list.toArray()).map(({ cron_expression: cron }) => cron[0]);
    expect(crons).toEqual(['0', '1', '2', '3', '4']);
    expect(await list.toArray({ max: 3 })).toHaveLength(3);
  }
});

test('refused callers have an error of their class', async () => {
  const { api_url: url } = b.stack;
  const unknown = createStepbase({ url, apiKey: 'sbk_unknown' });
  expect(await refusal(unknown.start(adding, { n: 1 }))).toBeInstanceOf(NotAuthenticatedError);
  const viewer = createStepbase(await signedIn('viewer@acme'));
  const denied = await refusal(viewer.start(adding, { n: 1 }));
  expect(denied).toBeInstanceOf(PermissionDeniedError);
  expect(denied.details).toMatchObject({ permission: 'run:execute' });
  const away = createStepbase({ url: 'http://127.0.0.1:1', apiKey: 'sbk_x' });
  expect(await refusal(away.start(adding, { n: 1 }))).toBeInstanceOf(NetworkError);
});

test('requests that may be repeated are, after an answer that was lost', async () => {
  const lost: string[] = [];
  const lossy: typeof fetch = async (input, init) => {
    const answer = await fetch(input, init);
    const path = new URL(String(input)).pathname.replace(/^.*\/v1\//, '');
    if (lost.includes(path)) return answer;
    lost.push(path);
    await answer.body?.cancel();
    throw new TypeError('the connection was reset');
  };
  const apiKey = await createKey(b.admin);
  const stepbase = createStepbase({ url: b.stack.api_url, apiKey, fetch: lossy });
  const idempotencyKey = randomUUID();
  const run = await stepbase.start(adding, { n: 4 }, { idempotencyKey });
  expect(await run.result()).toEqual({ sum: 5 });
  expect(lost).toEqual([`workflows/${adding}/runs`, `runs/${run.id}`]);
  const other = await b.publish([value('one')]);
  expect(await refusal(stepbase.start(other))).toBeInstanceOf(NetworkError);
});
