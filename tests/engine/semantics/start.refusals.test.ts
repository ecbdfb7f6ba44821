// Starting a run: once per idempotency key, and a refused start writes no rows.

import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { client, signedIn } from '../../support/stack.ts';
import { codeOf, node, type Run, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

/** Counts all rows that starts of one workflow have written. */
async function written(workflow: string): Promise<number> {
  const { rows } = await b.db.query<{ n: number }>(
    `select count(*)::int as n
     from stepbase.runs r join stepbase.workflows w on w.id = r.workflow_id
     where w.kebab_name = $1`,
    [workflow],
  );
  return rows[0]?.n ?? -1;
}

describe.concurrent('start_run', () => {
  test('a repeated idempotency key returns the first run', async () => {
    const name = await b.publish([value('a', 'input.n')]);
    const key = randomUUID();
    const first = await b.start(name, { n: 1, list: [{ x: 1, y: 2 }] }, { idempotency_key: key });
    const again = { n: 1.0, list: [{ y: 2, x: 1 }] };
    const second = await b.start(name, again, { idempotency_key: key, priority: 5 });
    expect(second.id).toBe(first.id);
    await b.ended(first.id);
    const third = await b.start(name, again, { idempotency_key: key });
    expect(third).toMatchObject({ id: first.id, status: 'completed', output: { a: 1 } });
    expect(await written(name)).toBe(1);
  });

  test.each([
    ['another value', { n: 2 }],
    ['a further key', { n: 1, m: null }],
    ['a key less', {}],
    ['another type', { n: '1' }],
  ])('an idempotency key with %s in the input is refused', async (_, input) => {
    const name = await b.publish([value('a')]);
    const key = randomUUID();
    const first = await b.start(name, { n: 1 }, { idempotency_key: key });
    const answer = await b.developer.rpc('start_run', {
      workflow: name,
      input,
      idempotency_key: key,
    });
    expect(codeOf(answer)).toBe('SB409 conflict');
    expect(JSON.parse(answer.error?.details ?? '')).toMatchObject({ run_id: first.id });
    expect(answer.error?.message).toContain(`with another input: ${first.id}`);
    expect(await written(name)).toBe(1);
  });

  test('an idempotency key of a run of another workflow is refused', async () => {
    const [name, other] = await Promise.all([b.publish([value('a')]), b.publish([value('a')])]);
    const key = randomUUID();
    const first = await b.start(name, {}, { idempotency_key: key });
    const answer = await b.developer.rpc('start_run', { workflow: other, idempotency_key: key });
    expect(codeOf(answer)).toBe('SB409 conflict');
    expect(answer.error?.message).toContain(`of another workflow: ${first.id}`);
    expect(await written(other)).toBe(0);
  });

  test('of concurrent starts with one key and two inputs, one input is refused', async () => {
    const name = await b.publish([value('a')]);
    const idempotency_key = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        b.developer.rpc('start_run', { workflow: name, input: { n: i % 2 }, idempotency_key }),
      ),
    );
    expect(answers.filter(({ error }) => error === null)).toHaveLength(5);
    expect(await written(name)).toBe(1);
  });

  test('twenty concurrent calls with one key start one run', async () => {
    const name = await b.publish([value('a')]);
    const key = randomUUID();
    const runs = await Promise.all(
      Array.from({ length: 20 }, () => b.start(name, {}, { idempotency_key: key })),
    );
    expect(new Set(runs.map(({ id }) => id)).size).toBe(1);
    expect(await written(name)).toBe(1);
    const { all } = await b.ended(runs[0]?.id ?? '');
    expect(all).toHaveLength(1);
  });

  test.each(['schedule:', 'child:', 'event:', 'webhook:', 'database:'])(
    'a key that begins with %s is reserved for the engine',
    async (prefix) => {
      const name = await b.publish([value('a')]);
      const answer = await b.developer.rpc('start_run', {
        workflow: name,
        idempotency_key: `${prefix}${randomUUID()}`,
      });
      expect(codeOf(answer)).toBe('SB400 invalid_request');
      expect(await written(name)).toBe(0);
      const other = await b.start(name, {}, { idempotency_key: `my-${prefix}${randomUUID()}` });
      await b.ended(other.id);
    },
  );

  test('the same key in two apps starts two runs', async () => {
    const stranger = await signedIn('admin@globex');
    const own = await b.publish([value('a')]);
    const saved = await stranger
      .rpc('save_workflow', {
        kebab_name: `t-${randomUUID()}`,
        definition: { nodes: [value('a')], edges: [] },
      })
      .single<{ id: string; workflow_id: string }>();
    await stranger.rpc('publish_workflow', { workflow_version_id: saved.data?.id });
    const { data: theirs } = await stranger
      .from('workflows')
      .select('kebab_name')
      .eq('id', saved.data?.workflow_id ?? '')
      .single();
    const key = randomUUID();
    const first = await b.start(own, {}, { idempotency_key: key });
    const second = await stranger
      .rpc('start_run', { workflow: theirs?.kebab_name, idempotency_key: key })
      .single<Run>();
    expect(second.error).toBeNull();
    expect(second.data?.id).not.toBe(first.id);
    expect(second.data?.app_code).toBe('globex');
    await b.ended(first.id);
    // The run of the other app and its events are not visible.
    for (const table of ['run_events', 'step_runs', 'run_context'] as const) {
      const { data } = await b.developer
        .from(table)
        .select('*')
        .eq('run_id', second.data?.id ?? '');
      expect(data).toEqual([]);
    }
  });

  test('an input that does not match the input schema is refused with all its errors', async () => {
    const name = await b.publish([value('a')], [], {
      input_schema: {
        type: 'object',
        required: ['email', 'n'],
        properties: { email: { type: 'string', format: 'email' }, n: { type: 'integer' } },
      },
    });
    const refused = await b.developer.rpc('start_run', { workflow: name, input: { email: 'x' } });
    expect(codeOf(refused)).toBe('SB422 invalid_input');
    const { errors } = JSON.parse(refused.error?.details ?? '{}') as { errors: unknown[] };
    expect(errors).toHaveLength(2);
    expect(codeOf(await b.developer.rpc('start_run', { workflow: name, input: [1] }))).toBe(
      'SB422 invalid_input',
    );
    expect(await written(name)).toBe(0);
    const { id } = await b.start(name, { email: 'x@example.com', n: 1 });
    await b.ended(id);
  });

  test('unknown workflows, versions and drafts are refused', async () => {
    const name = await b.publish([value('a')]);
    const draft = `t-${randomUUID()}`;
    await b.developer.rpc('save_workflow', {
      kebab_name: draft,
      definition: { nodes: [value('a')], edges: [] },
    });
    const call = async (args: object) => codeOf(await b.developer.rpc('start_run', args));
    expect(await call({ workflow: 'no-such-workflow' })).toBe('SB404 not_found');
    expect(await call({ workflow: name, version: 9 })).toBe('SB404 not_found');
    expect(await call({ workflow: draft })).toMatch(/^SB40[49] /);
    expect(await call({ workflow: name, priority: 101 })).toBe('SB400 invalid_request');
    expect(await call({ workflow: name, idempotency_key: 'x'.repeat(256) })).toBe(
      'SB400 invalid_request',
    );
    expect([await written(name), await written(draft)]).toEqual([0, 0]);
  });

  test('viewers, other apps and anonymous callers cannot start a run', async () => {
    const name = await b.publish([value('a')]);
    const [viewer, stranger] = await Promise.all([
      signedIn('viewer@acme'),
      signedIn('admin@globex'),
    ]);
    const wish = { workflow: name };
    expect(codeOf(await viewer.rpc('start_run', wish))).toBe('SB403 permission_denied');
    expect(codeOf(await stranger.rpc('start_run', wish))).toBe('SB404 not_found');
    expect((await client().rpc('start_run', wish)).error).not.toBeNull();
    expect(await written(name)).toBe(0);
  });

  test('clients cannot write to the tables of the engine', async () => {
    const { run } = await b.run([value('a')]);
    const refused = await Promise.all([
      b.admin.from('runs').update({ status: 'failed' }).eq('id', run.id),
      b.admin.from('runs').delete().eq('id', run.id),
      b.admin.from('step_runs').update({ output: 2 }).eq('run_id', run.id),
      b.admin
        .from('run_context')
        .insert({ run_id: run.id, version: 2, app_code: 'acme', patch: {} }),
      b.admin.from('run_events').delete().eq('run_id', run.id),
      b.admin.from('run_signals').insert({ run_id: run.id, app_code: 'acme', signal_name: 'x' }),
    ]);
    for (const { error } of refused) expect(error?.code).toBe('42501');
    await b.ended(run.id);
  });

  test('an older version can still be started, and a run keeps its version', async () => {
    const name = await b.publish([
      node('hold', 'wait_for_signal', { signal_name: 'go' }),
      value('v', '1'),
    ]);
    const first = await b.start(name);
    await b.stepIs(first.id, 'hold', 'waiting');
    const saved = await b.developer
      .rpc('save_workflow', {
        kebab_name: name,
        definition: { nodes: [value('v', '2')], edges: [] },
      })
      .single<{ id: string }>();
    await b.developer.rpc('publish_workflow', { workflow_version_id: saved.data?.id });
    const second = await b.start(name);
    const old = await b.start(name, {}, { version: 1 });
    await b.stepIs(old.id, 'hold', 'waiting');
    for (const { id } of [first, old]) {
      await b.developer.rpc('send_signal', { run_id: id, signal_name: 'go' });
      expect((await b.ended(id)).run.output).toMatchObject({ v: 1 });
    }
    expect((await b.ended(second.id)).run.output).toEqual({ v: 2 });
  });
});
