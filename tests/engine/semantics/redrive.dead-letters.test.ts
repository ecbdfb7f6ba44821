// Dead letters: failed runs are listed with their reason. A redrive starts a new run at the failed step,
// once for each dead letter, by id or in bulk.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Shop, startShop } from '../../../scripts/fakes/shop.ts';
import type { Database } from '../../../types/database.ts';
import { signedIn, waitFor } from '../../support/stack.ts';
import { codeOf, failing, node, type Run, type TestApp, testApp, value } from '../support.ts';

type DeadLetter = Database['stepbase']['Views']['dead_letters']['Row'];

let b: TestApp;
let shop: Shop;
beforeAll(async () => {
  [b, shop] = await Promise.all([testApp(), startShop()]);
});
afterAll(() => shop?.stop());

async function letters(runId: string): Promise<DeadLetter[]> {
  const { data, error } = await b.developer.from('dead_letters').select('*').eq('run_id', runId);
  if (error) throw error;
  return data as DeadLetter[];
}

async function redrive(args: Record<string, unknown>): Promise<Run[]> {
  const { data, error } = await b.developer.rpc('redrive', args);
  if (error) throw new Error(`${error.code} ${error.message} ${error.details}`);
  return data as Run[];
}

/** Responds with status 400 the given number of times, then succeeds. */
const flaky = (id: string, fail = 1) =>
  node(id, 'http_request', { url: `${shop.url}/flaky/${randomUUID()}?fail=${fail}&status=400` });

describe.concurrent('dead letters', () => {
  test('show the step that ended the run, its attempts and its last error', async () => {
    const { run } = await b.run([
      value('a'),
      node(
        'ask',
        'http_request',
        { url: `${shop.url}/status/503` },
        { retry: { max_attempts: 3, delay_ms: 1 } },
      ),
    ]);
    const [letter, ...more] = await letters(run.id);
    expect(more).toEqual([]);
    expect(letter).toMatchObject({
      run_id: run.id,
      app_code: 'acme',
      status: 'failed',
      step_id: 'ask',
      step_type: 'http_request',
      attempts: 3,
      error_code: 'http_server_error',
      error_message: expect.stringContaining('503'),
      last_error: { details: { status: 503 } },
      input: {},
      version: 1,
      redriven_run_id: null,
    });
  });

  test('do not include runs that completed, were cancelled, or continued after a failure', async () => {
    const [done, caught] = await Promise.all([
      b.run([value('a')]),
      b.run([failing('bad', { on_error: 'continue' }), value('next')], ['bad > next']),
    ]);
    const cancelled = await b.start(await b.publish([node('wait', 'delay', { ms: 600_000 })]));
    await b.developer.rpc('cancel_run', { run_id: cancelled.id });
    for (const id of [done.run.id, caught.run.id, cancelled.id]) {
      expect(await letters(id)).toEqual([]);
    }
  });

  test('a redrive starts a new run at the failed step, with the earlier outputs', async () => {
    const failed = await b.run(
      [value('before', '"kept"'), flaky('ask'), value('after', 'steps.before.output')],
      ['before > ask', 'ask > after'],
    );
    expect(failed.run.status).toBe('failed');
    const [again] = await redrive({ run_ids: [failed.run.id] });
    expect(again).toMatchObject({ origin_run_id: failed.run.id, rerun_from_step: 'ask' });
    const ended = await b.ended(again?.id ?? '');
    expect(ended.run).toMatchObject({ status: 'completed', output: { after: 'kept' } });
    expect(ended.step('before').started_at).toBe(failed.step('before').started_at);
    expect((await letters(failed.run.id))[0]).toMatchObject({
      redriven_run_id: again?.id,
      redriven_status: 'completed',
    });
  });

  test('are redriven once, however many calls ask for it; force redrives them again', async () => {
    const { run } = await b.run([flaky('ask', 3)]);
    const asked = await Promise.all(
      Array.from({ length: 5 }, () => redrive({ run_ids: [run.id, run.id] })),
    );
    const ids = new Set(asked.flat().map(({ id }) => id));
    expect(ids.size).toBe(1);
    expect(asked.every((runs) => runs.length === 1)).toBe(true);
    const [forced] = await redrive({ run_ids: [run.id], force: true });
    expect(ids.has(forced?.id ?? '')).toBe(false);
    const { count } = await b.developer
      .from('runs')
      .select('*', { count: 'exact', head: true })
      .eq('origin_run_id', run.id);
    expect(count).toBe(2);
    // A manual rerun counts as a redrive.
    const other = await b.run([failing('bad')]);
    const rerun = await b.developer.rpc('rerun', { run_id: other.run.id }).single<Run>();
    const [same] = await redrive({ run_ids: [other.run.id] });
    expect(same?.id).toBe(rerun.data?.id);
  });

  test('a bulk redrive takes the oldest of a workflow with an error code, up to max_runs, each once', async () => {
    const workflow = await b.publish([
      node('ask', 'http_request', { url: `${shop.url}/status/{{ input.status }}` }),
    ]);
    const runs: string[] = [];
    for (const status of [400, 500, 404, 410]) {
      const { id } = await b.start(workflow, { status });
      await b.ended(id);
      runs.push(id);
    }
    const [first, busy, second, third] = runs;
    const bulk = (max_runs: number) =>
      redrive({ workflow, error_code: 'http_client_error', max_runs });
    const two = await bulk(2);
    expect(two.map((r) => r.origin_run_id)).toEqual([first, second]);
    // The new runs fail too, and are dead letters of their own.
    for (const { id } of two) await b.ended(id);
    const [three, none] = [await bulk(1), await redrive({ workflow, failed_after: '2100-01-01' })];
    expect(three.map((r) => r.origin_run_id)).toEqual([third]);
    expect(none).toEqual([]);
    const { data } = await b.developer
      .from('dead_letters')
      .select('run_id')
      .eq('workflow', workflow)
      .eq('error_code', 'http_server_error')
      .is('redriven_run_id', null);
    expect(data).toEqual([{ run_id: busy }]);
  });

  test('concurrent bulk redrives share the work', async () => {
    const workflow = await b.publish([failing('bad')]);
    const started = await Promise.all(Array.from({ length: 20 }, () => b.start(workflow)));
    await Promise.all(started.map(({ id }) => b.ended(id)));
    const calls = await Promise.all([1, 2, 3].map(() => redrive({ workflow, max_runs: 20 })));
    const origins = calls.flat().map((r) => r.origin_run_id);
    expect(new Set(origins).size).toBe(origins.length);
    // Runs that one call had locked while the others selected may be left for the next call.
    const rest = await redrive({ workflow, max_runs: 1000 });
    const all = [...origins, ...rest.map((r) => r.origin_run_id)];
    for (const { id } of started) expect(all.filter((origin) => origin === id)).toHaveLength(1);
  });

  test('a run that timed out is redriven from its open steps', async () => {
    const workflow = await b.publish(
      [value('a', '"kept"'), node('wait', 'wait_for_signal', { signal_name: 'go' }), value('z')],
      ['a > wait', 'wait > z'],
    );
    const { id } = await b.start(workflow);
    await b.stepIs(id, 'wait', 'waiting');
    await b.db.query('update stepbase.runs set deadline_at = stepbase_engine.now() where id = $1', [
      id,
    ]);
    await b.db.query("notify stepbase, 'due'");
    const { run, step } = await b.ended(id);
    expect(run.status).toBe('timed_out');
    expect((await letters(id))[0]).toMatchObject({ status: 'timed_out', step_id: null });
    const [again] = await redrive({ run_ids: [id] });
    await b.stepIs(again?.id ?? '', 'wait', 'waiting');
    await b.developer.rpc('send_signal', { run_id: again?.id, signal_name: 'go' });
    const ended = await b.ended(again?.id ?? '');
    expect(ended.run.status).toBe('completed');
    expect(ended.step('a').started_at).toBe(step('a').started_at);
  });

  test('a step that crashed every worker is a dead letter and can be redriven', async () => {
    const { id } = await b.start(
      await b.publish([node('ask', 'http_request', { url: `${shop.url}/slow?ms=1500` })]),
    );
    const step = await b.stepIs(id, 'ask', 'running');
    // As after four crashed workers; the next delivery is one too many.
    await b.db.query('update stepbase.step_runs set fence = 5 where id = $1', [step.id]);
    await b.db.query('select stepbase_engine.return_tokens(array[$1::uuid])', [step.job_id]);
    expect((await b.ended(id)).run.status).toBe('failed');
    expect((await letters(id))[0]).toMatchObject({ error_code: 'worker_lost', attempts: 1 });
    const [again] = await redrive({ run_ids: [id] });
    expect((await b.ended(again?.id ?? '')).run.status).toBe('completed');
  });

  test('a bulk redrive leaves children to their parents, but the list contains them', async () => {
    const child = await b.publish([failing('bad')]);
    const parent = await b.publish([node('call', 'child_workflow', { workflow: child })]);
    const { id } = await b.start(parent);
    await b.ended(id);
    const { data: dead } = await b.developer
      .from('dead_letters')
      .select('parent_run_id')
      .eq('workflow', child);
    expect(dead).toEqual([{ parent_run_id: id }]);
    expect(await redrive({ workflow: child })).toEqual([]);
    const [again] = await redrive({ workflow: parent });
    expect((await b.ended(again?.id ?? '')).run).toMatchObject({
      status: 'failed',
      error: { code: 'child_failed', step_id: 'call' },
    });
  });

  test('a redrive without a selection, over the limit, of a run that did not fail, by a viewer or another app is refused', async () => {
    const [{ run }, dead, viewer, other] = await Promise.all([
      b.run([value('a')]),
      b.run([failing('bad')]),
      signedIn('viewer@acme', b.stack),
      signedIn('developer@globex', b.stack),
    ]);
    const ask = async (args: object, who = b.developer) =>
      codeOf((await who.rpc('redrive', args)) as never);
    expect(await ask({})).toBe('SB400 invalid_request');
    expect(await ask({ workflow: 'x', max_runs: 0 })).toBe('SB400 invalid_request');
    expect(await ask({ workflow: 'no-such-workflow' })).toBe('SB404 not_found');
    expect(await ask({ run_ids: [randomUUID()] })).toBe('SB404 not_found');
    expect(await ask({ run_ids: [run.id] })).toBe('SB409 conflict');
    expect(await ask({ run_ids: [dead.run.id] }, viewer)).toBe('SB403 permission_denied');
    expect(await ask({ run_ids: [dead.run.id] }, other)).toBe('SB404 not_found');
    const seen = await Promise.all(
      [viewer, other].map((who) =>
        who.from('dead_letters').select('run_id').eq('run_id', dead.run.id),
      ),
    );
    expect(seen.map(({ data }) => data?.length)).toEqual([1, 0]);
  });

  test('a job that pg-boss marks as failed loses no step: the sweep creates a new token', async () => {
    const { id } = await b.start(
      await b.publish([node('ask', 'http_request', { url: `${shop.url}/slow?ms=1500` })]),
    );
    const step = await b.stepIs(id, 'ask', 'running');
    await b.db.query(
      `update stepbase_queue.job set state = 'failed', completed_on = now() where id in
         (select job_id from stepbase.step_runs where id = $1)`,
      [step.id],
    );
    await waitFor('the sweep has found the step', async () => {
      const { rows } = await b.db.query('select stepbase_engine.sweep() as found');
      return rows[0].found > 0;
    });
    const { run, all } = await b.ended(id);
    expect(run.status).toBe('completed');
    expect(all.map((s) => s.status)).toEqual(['completed']);
    const { rows } = await b.db.query(
      "select from stepbase_queue.job where name = 'steps' and state > 'active'",
    );
    expect(rows).toEqual([]);
  });

  test('of a workflow that cannot be started are not redriven', async () => {
    const code = `c${randomUUID().slice(0, 8)}`;
    const [open, closed] = await Promise.all([
      b.publish([failing('bad')]),
      b.publish([failing('bad')]),
    ]);
    const [one, two] = await Promise.all(
      [open, closed].map(async (name) => (await b.ended((await b.start(name)).id)).run),
    );
    await b.db.query(
      "update stepbase.runs set error = error || jsonb_build_object('code', $2::text) where id = any($1)",
      [[one?.id, two?.id], code],
    );
    await b.developer.from('workflows').update({ status: 'paused' }).eq('kebab_name', closed);
    const ask = async (args: Record<string, unknown>) =>
      codeOf(await b.developer.rpc('redrive', args));
    expect(await ask({ run_ids: [two?.id] })).toBe('SB409 conflict');
    expect(await ask({ workflow: closed })).toBe('SB409 conflict');
    const driven = await redrive({ error_code: code });
    expect(driven.map(({ origin_run_id }) => origin_run_id)).toEqual([one?.id]);
    await b.ended(driven[0]?.id ?? '');
    await b.developer.from('workflows').update({ status: 'published' }).eq('kebab_name', closed);
    const again = await redrive({ error_code: code });
    expect(again.map(({ origin_run_id }) => origin_run_id)).toEqual([two?.id]);
    await b.ended(again[0]?.id ?? '');
  });
});
