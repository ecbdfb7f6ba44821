// sql_function steps call functions of the project: what the function sees, what it returns, and what it cannot do.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../../../types/database.ts';
import { waitFor } from '../../support/stack.ts';
import { node, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
/** A schema of the project, for this file only. */
const schema = `fn_${randomUUID().slice(0, 8)}`;

beforeAll(async () => {
  b = await testApp();
  await b.db.query(`
    create schema ${schema};
    create table ${schema}.notes (id bigint generated always as identity, run_key text, note text);
    create function ${schema}.take_note(note text, again int default 1) returns ${schema}.notes
    language sql security definer set search_path = '' as $$
      insert into ${schema}.notes (run_key, note)
      values (current_setting('stepbase_call.idempotency_key'), take_note.note || ' ' || take_note.again) returning *
    $$;
    create function ${schema}.who() returns jsonb language sql stable set search_path = '' as $$
      select jsonb_build_object(
        'role', current_user, 'claims', current_setting('request.jwt.claims')::jsonb, 'timeout', current_setting('statement_timeout')
      )
    $$;
    create function ${schema}.numbers(until int) returns table (r int, s numeric) language sql stable as $$
      select g, g * 2 from generate_series(1, until) g
    $$;
    create function ${schema}.typed(day date, tags text[], big bigint, doc jsonb) returns jsonb language sql stable as $$
      select jsonb_build_object('next', day + 1, 'tags', tags[1], 'big', big + 1, 'doc', doc)
    $$;
    create function ${schema}.nothing() returns void language plpgsql as 'begin end';
    create function ${schema}.fails(message text) returns int language plpgsql as $$
    begin
      insert into ${schema}.notes (note) values ('rolled back');
      raise exception '%', message using errcode = 'UE001', detail = 'secret detail';
    end $$;
    create function ${schema}.sleeps() returns int language sql as 'select 1 from pg_sleep(60)';
    create function ${schema}.long() returns text language sql stable as $$ select repeat('x', 300000) $$;
    create function ${schema}.escapes() returns text language plpgsql as $$
    begin
      set local role authenticated;
      return current_user;
    end $$;
    create function ${schema}.resets() returns text language plpgsql as $$
    begin
      reset role;
      return current_user;
    end $$;
    create function ${schema}.peeks() returns bigint language sql stable as 'select count(*) from stepbase.runs';
    create function ${schema}.hidden() returns int language sql stable as 'select 1';
    grant insert, select on ${schema}.notes to stepbase_functions;
  `);
  const functions = [
    'take_note(text, int)',
    'who()',
    'numbers(int)',
    'typed(date, text[], bigint, jsonb)',
    'nothing()',
    'fails(text)',
    'sleeps()',
    'long()',
    'escapes()',
    'resets()',
    'peeks()',
  ];
  for (const name of functions) {
    await b.db.query('select stepbase.allow_function($1::regprocedure, $2)', [
      `${schema}.${name}`,
      'acme',
    ]);
  }
});

afterAll(async () => {
  await b.db.query(`drop schema ${schema} cascade`);
  await b.db.query('delete from stepbase_private.allowed_functions where name like $1', [
    `${schema}.%`,
  ]);
});

const call = (name: string, given: Json = {}, options = {}) =>
  node('call', 'sql_function', { function: `${schema}.${name}`, arguments: given }, options);

async function outputOf(name: string, given: Json = {}): Promise<unknown> {
  const { run } = await b.run([call(name, given)]);
  expect(run.error).toBeNull();
  return (run.output as { call: unknown }).call;
}

async function errorOf(name: string, given: Json = {}, options = {}) {
  const { run } = await b.run([call(name, given, options)]);
  return run.error as { code: string; message: string; details?: unknown };
}

describe('sql_function', () => {
  test('calls the function as stepbase_functions, with the application and the run as claims', async () => {
    const { run } = await b.run([call('who', {}, { timeout_ms: 5_000 })]);
    expect(run.output).toEqual({
      call: {
        role: 'stepbase_functions',
        timeout: '5s',
        claims: {
          role: 'stepbase_functions',
          app_code: 'acme',
          run_id: run.id,
          workflow: expect.stringMatching(/^t-/),
          idempotency_key: `${run.id}:call:0`,
        },
      },
    });
  });

  test('converts arguments to their types and the result to JSON', async () => {
    expect(
      await outputOf('typed', {
        day: '2026-02-28',
        tags: ['a', 'b'],
        big: '9007199254740994',
        doc: { a: [1, null] },
      }),
    ).toEqual({ next: '2026-03-01', tags: 'a', big: '9007199254740995', doc: { a: [1, null] } });
    expect(await outputOf('numbers', { until: 2 })).toEqual([
      { r: 1, s: 2 },
      { r: 2, s: 4 },
    ]);
    expect(await outputOf('numbers', { until: 0 })).toEqual([]);
    expect(await outputOf('nothing')).toBeNull();
    expect(await outputOf('take_note', { note: 'row' })).toMatchObject({ note: 'row 1' });
  });

  test('a call that succeeded is not repeated, one that failed is', async () => {
    const name = await b.publish(
      [
        call('take_note', { note: '{{ input.note }}', again: 2 }),
        value('z', 'steps.call.output.note'),
      ],
      ['call > z'],
    );
    const { id } = await b.start(name, { note: 'once' });
    const { run } = await b.ended(id);
    expect(run.output).toEqual({ z: 'once 2' });
    // As a worker that takes over an attempt.
    const { rows } = await b.db
      .query('select stepbase_engine.call_function($1, $2, $3, $4) as result', [
        id,
        `${id}:call:0`,
        `${schema}.take_note`,
        '{}',
      ])
      .catch((error: Error) => ({ rows: [{ result: error.message }] }));
    expect(rows[0]?.result).toBe('The run has ended');
    const made = await b.db.query(`select run_key from ${schema}.notes where note = 'once 2'`);
    expect(made.rows).toEqual([{ run_key: `${id}:call:0` }]);
  });

  test('a repeated call returns the first result without calling the function', async () => {
    const name = await b.publish([node('wait', 'wait_for_signal', { signal_name: 'go' })]);
    const { id } = await b.start(name);
    const repeat = (note: string) =>
      b.db.query<{ result: { note: string } }>(
        'select stepbase_engine.call_function($1, $2, $3, $4) as result',
        [id, `${id}:x:0`, `${schema}.take_note`, { note }],
      );
    const results = await Promise.all([repeat('twice'), repeat('twice'), repeat('twice')]);
    expect(new Set(results.map(({ rows }) => JSON.stringify(rows))).size).toBe(1);
    const made = await b.db.query(`select from ${schema}.notes where note = 'twice 1'`);
    expect(made.rowCount).toBe(1);
    await b.developer.rpc('cancel_run', { run_id: id });
    await b.ended(id);
  });

  test('works for each item and as a compensation', async () => {
    const { run } = await b.run([
      node('each', 'for_each', {
        items: [1, 2, 3],
        concurrency: 3,
        step: {
          type: 'sql_function',
          config: { function: `${schema}.numbers`, arguments: { until: '{{ item }}' } },
        },
      }),
    ]);
    expect((run.output as { each: unknown[][] }).each.map((rows) => rows.length)).toEqual([
      1, 2, 3,
    ]);
  });
});

describe('errors', () => {
  test.each([
    ['hidden', {}, 'function_not_allowed'],
    ['absent', {}, 'function_not_allowed'],
    ['numbers', {}, 'invalid_arguments'],
    ['numbers', { until: 1, more: 2 }, 'invalid_arguments'],
    ['numbers', { until: 'many' }, 'invalid_arguments'],
    ['numbers', { until: 1001 }, 'result_too_large'],
    ['long', {}, 'result_too_large'],
    ['escapes', {}, 'function_denied'],
    ['resets', {}, 'function_denied'],
    ['peeks', {}, 'function_denied'],
  ])('%s %j fails with %s', async (name, given, code) => {
    expect(await errorOf(name, given)).toMatchObject({ code });
  });

  test('an error of the function fails the step with its message, and rolls the call back', async () => {
    const error = await errorOf('fails', { message: 'out of stock' });
    expect(error).toMatchObject({
      code: 'function_failed',
      message: `${schema}.fails: out of stock`,
      details: { sqlstate: 'UE001' },
    });
    expect(JSON.stringify(error)).not.toContain('secret detail');
    const { rowCount } = await b.db.query(`select from ${schema}.notes where note = 'rolled back'`);
    expect(rowCount).toBe(0);
  });

  test('the server cancels a call that takes longer than the step', async () => {
    expect(await errorOf('sleeps', {}, { timeout_ms: 300 })).toMatchObject({ code: 'timeout' });
    const { rowCount } = await b.db.query(
      "select from pg_stat_activity where application_name = 'stepbase-functions' and state = 'active'",
    );
    expect(rowCount).toBe(0);
  });

  test('a function that is disallowed, or dropped, is called no more', async () => {
    await b.db.query(`create function ${schema}.brief() returns int language sql as 'select 1'`);
    const signature = `${schema}.brief()`;
    await b.db.query('select stepbase.allow_function($1::regprocedure)', [signature]);
    expect(await outputOf('brief')).toBe(1);
    await b.db.query(`drop function ${signature}`);
    expect(await errorOf('brief')).toMatchObject({ code: 'function_not_allowed' });
    await b.db.query('select stepbase.disallow_function($1)', [signature]);
    expect(await errorOf('brief')).toMatchObject({ code: 'function_not_allowed' });
  });

  test('publishing refuses a name without a schema', async () => {
    await expect(b.publish([node('call', 'sql_function', { function: 'now' })])).rejects.toThrow(
      /invalid_config|schema and a name/,
    );
  });
});

test('a step that changes a table with a database trigger starts a run, and a circle of them ends', async () => {
  await b.db.query(`
    create table ${schema}.chain (n int);
    create function ${schema}.add_link(n int) returns void language sql security definer set search_path = '' as
    'insert into ${schema}.chain values (add_link.n)'`);
  await b.db.query('select stepbase.allow_function($1::regprocedure)', [`${schema}.add_link(int)`]);
  const name = await b.publish(
    [
      node('link', 'sql_function', {
        function: `${schema}.add_link`,
        arguments: { n: '{{ input.n + 1 }}' },
      }),
      value('z', 'input.n'),
    ],
    ['link > z'],
  );
  await b.db.query(
    "select stepbase.create_database_trigger($1::regclass, '{insert}', $2, mapping => '{\"n\": \"n\"}', app => 'acme', name => $3)",
    [`${schema}.chain`, name, schema],
  );
  await b.start(name, { n: 0 });
  await waitFor(
    'the circle ends',
    async () => {
      const { data } = await b.developer
        .from('refused_starts')
        .select('error')
        .eq('database_trigger', schema);
      return (data?.[0]?.error as { code?: string } | undefined)?.code === 'limit_reached';
    },
    45_000,
  );
  const { rowCount } = await b.db.query(`select from ${schema}.chain`);
  expect(rowCount).toBe(17);
  await b.db.query('select stepbase.drop_database_trigger($1)', [schema]);
});
