// Triggers start workflows: by events of a step or a client, and by the end of other workflows' runs.

import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Database, Json } from '../../../types/database.ts';
import { signedIn, waitFor } from '../../support/stack.ts';
import {
  codeOf,
  type Ended,
  failing,
  type Node,
  node,
  type Run,
  readRun,
  type TestApp,
  testApp,
  value,
} from '../support.ts';

type Tables = Database['stepbase']['Tables'];
type Trigger = Tables['workflow_triggers']['Row'];
type Wanted = Partial<Tables['workflow_triggers']['Insert']>;

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

/** An event name that only one test uses. */
const eventName = () => `test.${randomUUID()}`;
const emit = (id: string, name: string, payload: Json = {}): Node =>
  node(id, 'emit_event', { name, payload });
const shown = value('shown', 'input.event.payload');

async function idOf(workflow: string): Promise<string> {
  const { data, error } = await b.developer
    .from('workflows')
    .select('id')
    .eq('kebab_name', workflow)
    .single<{ id: string }>();
  if (error) throw error;
  return data.id;
}

/** Creates a trigger for a workflow, by default one that returns the payload. */
async function listen(wanted: Wanted, workflow?: string): Promise<Trigger> {
  const { data, error } = await b.developer
    .from('workflow_triggers')
    .insert({
      trigger_type: 'event',
      ...wanted,
      workflow_id: await idOf(workflow ?? (await b.publish([shown]))),
    })
    .select()
    .single<Trigger>();
  if (error) throw new Error(`${error.message} ${error.details}`);
  return data;
}

const follow = async (source: string, event_name: string, more: Wanted = {}): Promise<Trigger> =>
  await listen({ event_name, source_workflow_id: await idOf(source), ...more });

async function read(trigger: Trigger): Promise<Trigger> {
  const { data, error } = await b.developer
    .from('workflow_triggers')
    .select()
    .eq('id', trigger.id)
    .single<Trigger>();
  if (error) throw error;
  return data;
}

async function runsOf(trigger: Trigger): Promise<Run[]> {
  const { data, error } = await b.developer
    .from('runs')
    .select()
    .eq('metadata->>trigger_id', trigger.id)
    .order('created_at')
    .overrideTypes<Run[], { merge: false }>();
  if (error) throw error;
  return data;
}

/** Resolves with the runs of the trigger when there are this many and they have ended. */
async function started(trigger: Trigger, count = 1): Promise<Ended[]> {
  const runs = await waitFor(`${count} runs`, async () => {
    const found = await runsOf(trigger);
    return found.length >= count && found;
  });
  expect(runs).toHaveLength(count);
  return await Promise.all(runs.map((run) => b.ended(run.id)));
}

/** Resolves when the relay has processed all events emitted so far. */
async function relayed(): Promise<void> {
  const { rows } = await b.db.query<{ id: string }>('select max(id) as id from stepbase.outbox');
  await waitFor('the relay has caught up', async () => {
    const left = await b.db.query(
      `select from stepbase.outbox where published_at is null and id <= $1
         and event_type in ('event.emitted', 'run.ended') limit 1`,
      [rows[0]?.id],
    );
    return left.rows.length === 0;
  });
}

const failed = (trigger: Trigger) =>
  waitFor('the trigger has an error', async () => {
    const found = await read(trigger);
    return found.last_error !== null && found;
  });

describe('emit_event', () => {
  test('starts every workflow with a trigger for the event, with the event in its input', async () => {
    const name = eventName();
    const [one, two, off, other] = await Promise.all([
      listen({ event_name: name }),
      listen({ event_name: name, input: { from: 'two' } }),
      listen({ event_name: name, is_enabled: false }),
      listen({ event_name: `${name}.more` }),
    ]);
    const { run } = await b.run(
      [value('make', '{"order": input.order}'), emit('tell', name, '{{ steps.make.output }}')],
      ['make > tell'],
      { order: 'o-7' },
    );
    expect(run.output).toEqual({ tell: { name, payload: { order: 'o-7' } } });
    const [first] = await started(one);
    expect(first?.run).toMatchObject({
      status: 'completed',
      trigger_type: 'event',
      created_by: one.created_by,
      input: {
        event: { name, payload: { order: 'o-7' }, run_id: run.id, step_id: 'tell' },
      },
      output: { shown: { order: 'o-7' } },
      metadata: { trigger_id: one.id, event_depth: 1 },
    });
    expect((await started(two))[0]?.run.input).toMatchObject({ from: 'two', event: { name } });
    await relayed();
    expect([...(await runsOf(off)), ...(await runsOf(other))]).toEqual([]);
    expect(await read(one)).toMatchObject({ last_error: null, last_fired_at: expect.any(String) });
  });

  test('emits one event for every item of a for_each', async () => {
    const name = eventName();
    const trigger = await listen({ event_name: name });
    await b.run([
      node('each', 'for_each', {
        items: [1, 2, 3, 4, 5],
        step: { type: 'emit_event', config: { name, payload: { n: '{{ item }}' } } },
        concurrency: 2,
      }),
    ]);
    const outputs = (await started(trigger, 5)).map(({ run }) => run.output);
    expect(new Set(outputs.map((output) => JSON.stringify(output))).size).toBe(5);
  });

  test('starts only triggers whose filter the payload contains', async () => {
    const name = eventName();
    const paid = await listen({ event_name: name, filter: { status: 'paid', tags: ['new'] } });
    for (const payload of [
      { status: 'open', tags: ['new'] },
      { status: 'paid', tags: [] },
      { status: 'paid', tags: ['old', 'new'], more: true },
      'paid',
      null,
    ]) {
      await b.run([emit('tell', name, payload)]);
    }
    const [only] = await started(paid);
    expect(only?.run.output).toMatchObject({ shown: { more: true } });
    await relayed();
    expect(await runsOf(paid)).toHaveLength(1);
  });

  test('an invalid name, or one reserved for the engine, fails the step', async () => {
    for (const name of ['run.completed', 'two words', '']) {
      const ended = await b.run([emit('tell', `{{ "${name}" }}`)]);
      expect(ended.run).toMatchObject({ status: 'failed', error: { step_id: 'tell' } });
      expect(ended.all).toHaveLength(1);
    }
  });

  test('a refused start is recorded on the trigger and delays no other trigger', async () => {
    const name = eventName();
    const strict = await b.publish([shown], [], {
      input_schema: { type: 'object', required: ['customer'] },
    });
    const misfit = await listen({ event_name: name }, strict);
    const good = await listen({ event_name: name });
    await b.run([emit('tell', name)]);
    await started(good);
    expect(await failed(misfit)).toMatchObject({
      last_fired_at: null,
      last_error: { code: 'invalid_input', at: expect.any(String), errors: [expect.anything()] },
    });
    await b.developer
      .from('workflow_triggers')
      .update({ input: { customer: 'c-1' } })
      .eq('id', misfit.id);
    await b.run([emit('tell', name)]);
    await started(misfit);
    expect(await read(misfit)).toMatchObject({ last_error: null });
  });

  test('a cycle of workflows that start each other ends with an error on the trigger', async () => {
    const name = eventName();
    const loop = await b.publish([emit('again', name, { n: '{{ input.event.payload.n + 1 }}' })]);
    // Through a child as well: the chain is the same.
    const parent = await b.publish([
      node('call', 'child_workflow', { workflow: loop, input: '{{ input }}' }),
    ]);
    const trigger = await listen({ event_name: name }, parent);
    await b.developer.rpc('emit_event', { name, payload: { n: 1 } });
    const { last_error } = await failed(trigger);
    expect(last_error).toMatchObject({ code: 'limit_reached', run_id: expect.any(String) });
    const runs = await started(trigger, 16);
    expect(runs.map(({ run }) => (run.metadata as { event_depth: number }).event_depth)).toEqual(
      Array.from({ length: 16 }, (_, index) => index + 1),
    );
  });
});

describe('emit_event by a client', () => {
  test('starts the workflows with a trigger, once per idempotency key', async () => {
    const name = eventName();
    const trigger = await listen({ event_name: name });
    const say = (payload: Json, idempotency_key?: string) =>
      b.developer.rpc('emit_event', { name, payload, idempotency_key });
    const key = randomUUID();
    const ids = await Promise.all([say({ n: 1 }, key), say({ n: 1 }, key), say({ n: 1 })]);
    expect(ids.map(({ error }) => error)).toEqual([null, null, null]);
    expect(new Set(ids.map(({ data }) => data)).size).toBe(2);
    await relayed();
    const runs = await started(trigger, 2);
    expect(runs.map(({ run }) => run.output)).toEqual([{ shown: { n: 1 } }, { shown: { n: 1 } }]);
  });

  test('an idempotency key with another name or payload is refused; the first event stays', async () => {
    const name = eventName();
    const trigger = await listen({ event_name: name });
    const key = randomUUID();
    const say = (event: string, payload?: Json) =>
      b.developer.rpc('emit_event', { name: event, payload, idempotency_key: key });
    const first = await say(name, { n: 1 });
    expect(first.error).toBeNull();
    for (const other of [
      say(name, { n: 2 }),
      say(name, { n: 1, more: true }),
      say(name, null),
      say(name),
      say(eventName(), { n: 1 }),
    ]) {
      const { error } = await other;
      expect(error).toMatchObject({ code: 'SB409', message: expect.stringContaining(first.data) });
      expect(JSON.parse(error?.details ?? '')).toMatchObject({ event_id: first.data });
    }
    expect(await say(name, { n: 1 })).toMatchObject({ data: first.data, error: null });
    await relayed();
    const runs = await started(trigger, 1);
    expect(runs.map(({ run }) => run.output)).toEqual([{ shown: { n: 1 } }]);
  });

  test('of concurrent events with one key and different payloads one is emitted', async () => {
    const name = eventName();
    const trigger = await listen({ event_name: name });
    const idempotency_key = randomUUID();
    const answers = await Promise.all(
      [1, 2, 3, 4].map((n) =>
        b.developer.rpc('emit_event', { name, payload: { n }, idempotency_key }),
      ),
    );
    expect(answers.map(({ error }) => error?.code ?? 'ok').sort()).toEqual([
      ...Array(3).fill('SB409'),
      'ok',
    ]);
    await relayed();
    expect(await started(trigger, 1)).toHaveLength(1);
  });

  test('many events of one app do not delay those of another', async () => {
    const name = eventName();
    const [mine, stranger] = await Promise.all([
      listen({ event_name: name }),
      signedIn('developer@globex'),
    ]);
    const theirs = await stranger
      .from('workflows')
      .select('id')
      .eq('kebab_name', 'order-confirmation')
      .single<{ id: string }>();
    const order = { shop_url: 'http://127.0.0.1:9', order_id: 'o-1', email: 'a@globex.example' };
    const made = await stranger
      .from('workflow_triggers')
      .insert({
        trigger_type: 'event',
        event_name: name,
        workflow_id: theirs.data?.id,
        input: order,
      })
      .select()
      .single<Trigger>();
    expect(made.error).toBeNull();
    await b.db.query(
      `insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type, payload)
       select 'acme', 'event', gen_random_uuid(), 'event.emitted',
         jsonb_build_object('name', $1::text, 'payload', n, 'depth', 1, 'at', now())
       from generate_series(1, 600) n`,
      [name],
    );
    await stranger.rpc('emit_event', { name });
    const before = await waitFor('the other app`s run has started', async () => {
      const { rows } = await b.db.query<{ before: number }>(
        `select (
           select count(*)::int from stepbase.runs m
           where m.metadata ->> 'trigger_id' = $1 and m.id < t.id
         ) as before
         from stepbase.runs t where t.metadata ->> 'trigger_id' = $2`,
        [mine.id, made.data?.id],
      );
      return rows[0];
    });
    expect(before.before).toBeLessThan(300);
    await stranger.from('workflow_triggers').delete().eq('id', made.data?.id);
    await waitFor('every event has started its run, and all runs have ended', async () => {
      const { rows } = await b.db.query<{ done: number }>(
        `select count(*)::int as done from stepbase.runs
         where metadata ->> 'trigger_id' = $1 and status = 'completed'`,
        [mine.id],
      );
      return rows[0]?.done === 600;
    });
  });

  test('requires run:execute and a valid name, and reaches only its own app', async () => {
    const name = eventName();
    const trigger = await listen({ event_name: name });
    const [viewer, stranger] = await Promise.all([
      signedIn('viewer@acme'),
      signedIn('developer@globex'),
    ]);
    expect(codeOf(await viewer.rpc('emit_event', { name }))).toBe('SB403 permission_denied');
    for (const bad of ['run.completed', '', 'with space', `${'x'.repeat(101)}`]) {
      const refused = await b.developer.rpc('emit_event', { name: bad });
      expect(codeOf(refused)).toBe('SB400 invalid_request');
    }
    expect((await stranger.rpc('emit_event', { name })).error).toBeNull();
    await relayed();
    expect(await runsOf(trigger)).toEqual([]);
  });
});

describe('the end of another workflow`s run', () => {
  test('starts the triggers for completed, failed or cancelled runs', async () => {
    const source = await b.publish(
      [
        value('way', 'input.way'),
        failing('bad'),
        node('hold', 'wait_for_signal', { signal_name: 'go' }),
        node('which', 'condition', { expression: 'input.way' }),
      ],
      ['which > bad : fail', 'which > hold : hold'],
    );
    const [completed, failure, cancelled, filtered] = await Promise.all([
      follow(source, 'run.completed'),
      follow(source, 'run.failed'),
      follow(source, 'run.cancelled'),
      follow(source, 'run.completed', { filter: { input: { way: 'other' } } }),
    ]);
    const well = await b.ended((await b.start(source, { way: 'well' })).id);
    const ill = await b.ended((await b.start(source, { way: 'fail' })).id);
    const held = await b.start(source, { way: 'hold' });
    await b.stepIs(held.id, 'hold', 'waiting');
    await b.developer.rpc('cancel_run', { run_id: held.id });
    expect((await started(completed))[0]?.run.input).toMatchObject({
      event: {
        name: 'run.completed',
        run_id: well.run.id,
        payload: { workflow: source, status: 'completed', output: { way: 'well' }, error: null },
      },
    });
    expect((await started(failure))[0]?.run).toMatchObject({
      output: { shown: { status: 'failed', error: { step_id: 'bad' } } },
      input: { event: { run_id: ill.run.id } },
    });
    expect((await started(cancelled))[0]?.run.output).toMatchObject({
      shown: { status: 'cancelled' },
    });
    await relayed();
    expect(await runsOf(filtered)).toEqual([]);
  });

  test('starts the triggers for timed-out runs', async () => {
    const source = await b.publish([node('hold', 'wait_for_signal', { signal_name: 'go' })]);
    const [timedOut, failure] = await Promise.all([
      follow(source, 'run.timed_out'),
      follow(source, 'run.failed'),
    ]);
    const late = await b.start(source, { way: 'late' });
    await b.stepIs(late.id, 'hold', 'waiting');
    await b.db.query('update stepbase.runs set deadline_at = stepbase_engine.now() where id = $1', [
      late.id,
    ]);
    await b.db.query("notify stepbase, 'due'");
    expect((await b.ended(late.id)).run.status).toBe('timed_out');
    expect((await started(timedOut))[0]?.run).toMatchObject({
      status: 'completed',
      input: {
        event: {
          name: 'run.timed_out',
          run_id: late.id,
          payload: { workflow: source, status: 'timed_out', input: { way: 'late' }, output: null },
        },
      },
    });
    await relayed();
    expect(await runsOf(failure)).toEqual([]);
  });

  test('writes no message for runs without a trigger', async () => {
    const { run } = await b.run([value('only')]);
    const { rows } = await b.db.query(
      "select from stepbase.outbox where aggregate_id = $1 and event_type = 'run.ended'",
      [run.id],
    );
    expect(rows).toEqual([]);
  });

  test('starts a chain of workflows, each after its predecessor', async () => {
    const first = await b.publish([value('a')]);
    const second = await b.publish([value('b')]);
    const between = await listen(
      { event_name: 'run.completed', source_workflow_id: await idOf(first) },
      second,
    );
    const last = await follow(second, 'run.completed');
    await b.start(first);
    await started(between);
    const [end] = await started(last);
    expect(end?.run.metadata).toMatchObject({ event_depth: 2 });
    expect((await readRun(b.developer, end?.run.id ?? '')).run.status).toBe('completed');
  });
});
