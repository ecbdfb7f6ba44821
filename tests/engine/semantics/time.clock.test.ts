// Retries, delays, deadlines and timeouts without sleeping: these tests move the clock of the engine. A
// stack has one clock, so they run one after the other on a stack of their own.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Shop, startShop } from '../../../scripts/fakes/shop.ts';
import type { Stack } from '../../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../../scripts/stack/throwaway.ts';
import { waitFor } from '../../support/stack.ts';
import {
  codeOf,
  type Ended,
  failing,
  node,
  type Run,
  type TestApp,
  testApp,
  value,
} from '../support.ts';

let b: TestApp;
let shop: Shop;
let stack: Stack;
beforeAll(async () => {
  shop = await startShop();
  stack = await startThrowawayStack({ web: false });
  b = await testApp(stack.info);
});
afterAll(async () => {
  await Promise.all([stack?.stop(), shop?.stop()]);
});

const day = (n: number) => `${n} days`;

/** Sets the time limit for runs of this workflow; the default is about an hour. */
async function limit(workflow: string, time: string): Promise<string> {
  await b.db.query(
    `update stepbase.workflows set execution_timeout_seconds = extract(epoch from $2::interval)
     where kebab_name = $1`,
    [workflow, time],
  );
  return workflow;
}

/** The wait before each attempt after the first, in seconds by the engine's clock. */
async function retryWaits(ended: Ended): Promise<number[]> {
  const { rows } = await b.db.query<{ seconds: number }>(
    `select extract(epoch from (payload ->> 'retry_at')::timestamptz - created_at)::float8 as seconds
     from stepbase.run_events where run_id = $1 and event_type = 'step.retrying' order by seq`,
    [ended.run.id],
  );
  return rows.map(({ seconds }) => Math.round(seconds));
}

/** Starts a run with one step and moves the clock forward whenever its next attempt waits. */
async function throughRetries(
  config: Parameters<typeof node>[2],
  retry: Record<string, number | string>,
  attempts: number,
): Promise<Ended> {
  const { id } = await b.start(await b.publish([node('ask', 'http_request', config, { retry })]));
  for (let attempt = 2; attempt <= attempts; attempt += 1) {
    await waitFor(`attempt ${attempt} waits`, async () => {
      const { rows } = await b.db.query(
        "select from stepbase.step_runs where run_id = $1 and attempt = $2 and status = 'waiting'",
        [id, attempt],
      );
      return rows.length === 1;
    });
    await b.advance('10 minutes');
  }
  return await b.ended(id);
}

describe('retries', () => {
  test('have fixed intervals until an attempt succeeds; every attempt is kept', async () => {
    const ended = await throughRetries(
      { url: `${shop.url}/flaky/fixed?fail=2` },
      { max_attempts: 5, backoff: 'fixed', delay_ms: 60_000 },
      3,
    );
    expect(ended.run.status).toBe('completed');
    expect(ended.all.map((s) => [s.attempt, s.status])).toEqual([
      [1, 'failed'],
      [2, 'failed'],
      [3, 'completed'],
    ]);
    expect(ended.all[0]?.error).toMatchObject({ retryable: true, message: expect.any(String) });
    expect(ended.step('ask').output).toMatchObject({ body: { ok: true, attempts: 3 } });
    expect(await retryWaits(ended)).toEqual([60, 60]);
  });

  test('have exponential intervals up to the cap, until the attempts are used up', async () => {
    const ended = await throughRetries(
      { url: `${shop.url}/status/503` },
      { max_attempts: 6, backoff: 'exponential', delay_ms: 10_000, max_delay_ms: 100_000 },
      6,
    );
    expect(ended.run).toMatchObject({ status: 'failed', error: { step_id: 'ask' } });
    expect(ended.all.map((s) => s.status)).toEqual(Array(6).fill('failed'));
    expect(await retryWaits(ended)).toEqual([10, 20, 40, 80, 100]);
  });

  test('have a random delay within the range of the jitter', async () => {
    const ended = await throughRetries(
      { url: `${shop.url}/status/503` },
      { max_attempts: 4, backoff: 'fixed', delay_ms: 500_000, jitter: 0.2 },
      4,
    );
    const waits = await retryWaits(ended);
    for (const wait of waits) {
      expect(wait).toBeGreaterThanOrEqual(400);
      expect(wait).toBeLessThanOrEqual(500);
    }
    expect(new Set(waits).size).toBeGreaterThan(1);
  });

  test('do not start before the Retry-After of the response', async () => {
    const ended = await throughRetries(
      { url: `${shop.url}/status/429?retry_after=120` },
      { max_attempts: 2, backoff: 'fixed', delay_ms: 1_000 },
      2,
    );
    expect(await retryWaits(ended)).toEqual([120]);
  });

  test('do not follow an error that is not retryable', async () => {
    const ended = await b.run([failing('bad', { retry: { max_attempts: 5, delay_ms: 1 } })]);
    expect(ended.all).toHaveLength(1);
  });
});

describe('waiting', () => {
  test('a delay ends after its duration, or at its date', async () => {
    const { rows } = await b.db.query<{ at: Date }>(
      "select stepbase_engine.now() + interval '10 days' as at",
    );
    const name = await b.publish(
      [
        node('first', 'delay', { ms: 5 * 24 * 3_600_000 }),
        node('until', 'delay', { until: '{{ input.at }}' }),
        value('end'),
      ],
      ['first > until', 'until > end'],
    );
    await limit(name, day(30));
    const { id } = await b.start(name, { at: rows[0]?.at.toISOString() ?? '' });
    await b.stepIs(id, 'first', 'waiting');
    await b.advance(day(6));
    await b.stepIs(id, 'until', 'waiting');
    await b.advance(day(3));
    await b.stepIs(id, 'until', 'waiting');
    await b.advance(day(2));
    const { run } = await b.ended(id);
    expect(run.status).toBe('completed');
    expect(Number(run.duration_ms)).toBeGreaterThan(10 * 24 * 3_600_000);
  });

  test('a delay until a past date completes at once', async () => {
    const { run } = await b.run([node('past', 'delay', { until: '2001-01-01T00:00:00Z' })]);
    expect(run.status).toBe('completed');
  });

  test('the delay of a paused run ends when the run is resumed', async () => {
    const name = await b.publish([node('d', 'delay', { ms: 3_600_000 })]);
    const { id } = await b.start(await limit(name, day(1)));
    await b.stepIs(id, 'd', 'waiting');
    await b.developer.rpc('pause_run', { run_id: id });
    await b.advance('61 minutes');
    const other = await b.run([node('d', 'delay', { ms: 1 })]);
    expect(other.run.status).toBe('completed');
    await b.stepIs(id, 'd', 'waiting');
    await b.developer.rpc('resume_run', { run_id: id });
    expect((await b.ended(id)).run.status).toBe('completed');
  });
});

describe('deadlines', () => {
  const late = ['w > well', 'w > late : timeout'];
  const around = (w: ReturnType<typeof node>) => [w, value('well'), value('late', '"late"')];
  const kinds = {
    signal: node('w', 'wait_for_signal', { signal_name: 'go', timeout_ms: 60_000 }),
    approval: node('w', 'wait_for_approval', { title: 'Go on?', deadline_ms: 60_000 }),
    task: node('w', 'user_task', { title: 'Do it', deadline_ms: 60_000 }),
  };

  test.each(Object.entries(kinds))(
    'of a %s take the timeout edge, or fail the run without one',
    async (_, w) => {
      const [caught, plain] = await Promise.all([
        b.publish(around(w), late).then((name) => b.start(name)),
        b.publish([w, value('next')], ['w > next']).then((name) => b.start(name)),
      ]);
      const waiting = await b.stepIs(caught.id, 'w', 'waiting');
      expect(waiting.deadline_at).not.toBeNull();
      await b.stepIs(plain.id, 'w', 'waiting');
      await b.advance('61 seconds');
      const [one, two] = await Promise.all([b.ended(caught.id), b.ended(plain.id)]);
      expect(one.run).toMatchObject({ status: 'completed', output: { late: 'late' } });
      expect(one.statuses).toMatchObject({ well: 'skipped', late: 'completed' });
      expect(two.run).toMatchObject({ status: 'failed', error: { code: 'timeout', step_id: 'w' } });
      const decided = await b.admin.rpc('decide_approval', {
        step_run_id: waiting.id,
        approved: true,
      });
      expect(codeOf(decided)).toMatch(/^SB40[49] /);
    },
  );

  test.each(['a person', 'a child'])(
    'for %s that pass while the run is paused take effect when it is resumed',
    async (whom) => {
      const child = await b.publish([node('hold', 'wait_for_signal', { signal_name: 'go' })]);
      const w =
        whom === 'a person'
          ? kinds.task
          : node('w', 'child_workflow', { workflow: child, timeout_ms: 60_000 });
      const { id } = await b.start(await limit(await b.publish(around(w), late), day(1)));
      expect((await b.stepIs(id, 'w', 'waiting')).deadline_at).not.toBeNull();
      await b.developer.rpc('pause_run', { run_id: id });
      await b.advance('61 seconds');
      await waitFor('the deadline has passed', async () => {
        const { rows } = await b.db.query(
          "select from stepbase.step_runs where run_id = $1 and step_id = 'w' and wake_at is null",
          [id],
        );
        return rows.length === 1;
      });
      await b.developer.rpc('resume_run', { run_id: id });
      expect((await b.ended(id)).run).toMatchObject({
        status: 'completed',
        output: { late: 'late' },
      });
    },
  );

  test('have no effect on a decision that was made in time', async () => {
    const name = await b.publish(
      [kinds.signal, node('hold', 'delay', { ms: 120_000 })],
      ['w > hold'],
    );
    const { id } = await b.start(name);
    await b.stepIs(id, 'w', 'waiting');
    await b.developer.rpc('send_signal', { run_id: id, signal_name: 'go' });
    await b.stepIs(id, 'hold', 'waiting');
    await b.advance('10 minutes');
    expect((await b.ended(id)).statuses).toEqual({ w: 'completed', hold: 'completed' });
  });

  test('of a run end it as timed_out in any state, also while it is paused', async () => {
    const name = await b.publish(
      [
        node('hold', 'wait_for_approval', { title: 'Go on?' }),
        node('ask', 'http_request', { url: `${shop.url}/slow?ms=30000` }),
        value('next'),
      ],
      ['hold > next'],
    );
    await limit(name, '1 hour');
    const [one, two, ...quick] = await Promise.all([b.start(name), b.start(name)]);
    expect(quick).toEqual([]);
    for (const { id } of [one, two]) {
      await b.stepIs(id, 'hold', 'waiting');
      await b.stepIs(id, 'ask', 'running');
    }
    await b.developer.rpc('pause_run', { run_id: two.id });
    await b.advance('59 minutes');
    await b.stepIs(one.id, 'hold', 'waiting');
    await b.advance('2 minutes');
    for (const { id } of [one, two]) {
      const { run, statuses } = await b.ended(id);
      expect(run).toMatchObject({ status: 'timed_out', error: { code: 'timeout' } });
      expect(statuses).toEqual({ hold: 'cancelled', ask: 'cancelled' });
    }
  });

  test('of a run count from its start, not from its creation', async () => {
    const name = await b.publish([node('hold', 'wait_for_approval', { title: 'Go on?' })]);
    await limit(name, '1 hour');
    await b.db.query(
      'update stepbase.workflows set max_concurrent_executions = 1 where kebab_name = $1',
      [name],
    );
    const first = await b.start(name);
    await b.stepIs(first.id, 'hold', 'waiting');
    const [queued, paused] = [await b.start(name), await b.start(name)];
    await b.developer.rpc('pause_run', { run_id: paused.id });
    await b.advance('61 minutes');
    expect((await b.ended(first.id)).run.status).toBe('timed_out');

    await b.stepIs(queued.id, 'hold', 'waiting');
    await b.advance('59 minutes');
    await b.stepIs(queued.id, 'hold', 'waiting');
    await b.advance('2 minutes');
    expect((await b.ended(queued.id)).run.status).toBe('timed_out');

    await b.developer.rpc('resume_run', { run_id: paused.id });
    await b.stepIs(paused.id, 'hold', 'waiting');
    await b.advance('61 minutes');
    const { run } = await b.ended(paused.id);
    expect(run.status).toBe('timed_out');
    expect(Number(run.duration_ms)).toBeGreaterThanOrEqual(3_600_000);
  });

  test('of a child fail the step of its parent', async () => {
    const child = await b.publish([node('hold', 'delay', { ms: 7_200_000 })]);
    await limit(child, '1 hour');
    const parent = await b.publish([node('call', 'child_workflow', { workflow: child })]);
    const { id } = await b.start(await limit(parent, day(1)));
    await b.stepIs(id, 'call', 'waiting');
    await waitFor('the child waits', async () => {
      const { rows } = await b.db.query(
        `select from stepbase.runs r join stepbase.step_runs s on s.run_id = r.id
         where r.parent_run_id = $1 and s.status = 'waiting'`,
        [id],
      );
      return rows.length === 1;
    });
    await b.advance('61 minutes');
    expect((await b.ended(id)).run).toMatchObject({
      status: 'failed',
      error: { code: 'child_timed_out' },
    });
  });
});

test('a run with a start_at starts when the time has come, and not before', async () => {
  const workflow = await b.publish([value('one', 'input.n')]);
  const { rows } = await b.db.query<{ at: string }>(
    "select stepbase_engine.now() + interval '3 days' as at",
  );
  const options = { workflow, start_at: new Date(rows[0]?.at ?? '').toISOString() };
  const later = await b.admin.rpc('start_run', { ...options, input: { n: 7 } }).single<Run>();
  if (later.error) throw later.error;
  expect(later.data).toMatchObject({ status: 'pending', held_by: 'start_at' });
  await b.advance(day(2));
  // The worker has run another one meanwhile.
  await b.ended((await b.start(workflow, { n: 1 })).id);
  expect((await b.admin.from('runs').select().eq('id', later.data.id).single<Run>()).data).toEqual(
    later.data,
  );
  await b.advance(day(1));
  const { run } = await b.ended(later.data.id);
  expect(run).toMatchObject({ status: 'completed', held_by: null, output: { one: 7 } });
  expect(Date.parse(run.started_at ?? '')).toBeGreaterThanOrEqual(Date.parse(options.start_at));
});
