// Runs that SQL starts: start_run_as, and database triggers on a table of the project.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { client, type StackClient, signedIn, waitFor } from '../../support/stack.ts';
import { codeOf, node, type Run, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
/** A schema of the project, for this file only. */
const schema = `db_${randomUUID().slice(0, 8)}`;

beforeAll(async () => {
  b = await testApp();
  await b.db.query(`
    create schema ${schema};
    create table ${schema}.orders (id int, status text, total numeric);
    grant usage on schema ${schema} to authenticated;
    grant insert, update, select on ${schema}.orders to authenticated`);
});

afterAll(async () => {
  await b.db.query(
    'select stepbase.drop_database_trigger(t.name) from stepbase.database_triggers t where t.table_name like $1',
    [`${schema}.%`],
  );
  await b.db.query(`drop schema ${schema} cascade`);
});

/** Creates a database trigger for inserted orders; returns its name. */
async function listen(workflow: string): Promise<string> {
  const name = `t-${randomUUID()}`;
  await b.db.query(
    `select stepbase.create_database_trigger(
       $1::regclass, '{insert}', $2, mapping => '{"id": "id", "total": "total"}', app => 'acme', name => $3
     )`,
    [`${schema}.orders`, workflow, name],
  );
  return name;
}

async function runsOf(trigger: string): Promise<Run[]> {
  const { data, error } = await b.developer
    .from('runs')
    .select()
    .eq('metadata->>database_trigger', trigger)
    .order('created_at')
    .overrideTypes<Run[], { merge: false }>();
  if (error) throw error;
  return data;
}

async function started(trigger: string, count: number): Promise<Run[]> {
  const runs = await waitFor(`${count} runs`, async () => {
    const found = await runsOf(trigger);
    return found.length >= count && found;
  });
  return await Promise.all(runs.map(async ({ id }) => (await b.ended(id)).run));
}

/** Resolves when the relay has processed all changes so far. */
async function relayed(): Promise<void> {
  await waitFor('the relay has caught up', async () => {
    const { rowCount } = await b.db.query(
      "select from stepbase.outbox where published_at is null and event_type = 'rows.changed'",
    );
    return rowCount === 0;
  });
}

describe('a database trigger', () => {
  test('starts a run for each committed row, and none for a rolled-back one', async () => {
    const name = await listen(await b.publish([value('shown', 'input.total * 2')]));
    const writer = await b.db.connect();
    try {
      await writer.query('begin');
      await writer.query(`insert into ${schema}.orders values (1, 'open', 10)`);
      await writer.query('rollback');
      await writer.query('begin');
      await writer.query(`insert into ${schema}.orders values (2, 'open', 20), (3, 'open', 30)`);
      await relayed();
      expect(await runsOf(name), 'nothing starts before the commit').toEqual([]);
      await writer.query('commit');
    } finally {
      writer.release();
    }
    const runs = await started(name, 2);
    expect(runs.map(({ output }) => output)).toEqual([{ shown: 40 }, { shown: 60 }]);
    expect(runs[0]).toMatchObject({ trigger_type: 'database', created_by: null });
    await b.db.query('select stepbase.drop_database_trigger($1)', [name]);
  });

  test('starts one run for each row of concurrent writers', async () => {
    const name = await listen(await b.publish([value('shown', 'input.id')]));
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        b.db.query(`insert into ${schema}.orders (id) select $1 + g from generate_series(1, 5) g`, [
          i * 10,
        ]),
      ),
    );
    const runs = await started(name, 100);
    expect(new Set(runs.map(({ input }) => (input as { id: number }).id)).size).toBe(100);
    await b.db.query('select stepbase.drop_database_trigger($1)', [name]);
  });

  test('a refused start is visible to the members of the application, and the write succeeds', async () => {
    const name = await listen(
      await b.publish([value('a')], [], {
        input_schema: { type: 'object', properties: { total: { type: 'number', minimum: 1 } } },
      }),
    );
    const written = await b.db.query(`insert into ${schema}.orders values (7, 'open', 0)`);
    expect(written.rowCount).toBe(1);
    const read = async (who: StackClient) => {
      const { data } = await who.from('refused_starts').select().eq('database_trigger', name);
      return data ?? [];
    };
    const refused = await waitFor('the refusal', async () => {
      const found = await read(b.developer);
      return found.length > 0 && found;
    });
    expect(refused).toMatchObject([
      { event: 'insert', changes: 1, input: { id: 7, total: 0 }, error: { code: 'invalid_input' } },
    ]);
    expect(await read(await signedIn('admin@globex'))).toEqual([]);
    await b.db.query('select stepbase.drop_database_trigger($1)', [name]);
  });

  test('no role of the API can create, drop or list one, not even the service role', async () => {
    const anyone = {
      anonymous: client(),
      member: b.developer,
      admin: b.admin,
      secret: client(b.stack, b.stack.secret_key),
    };
    for (const [who, api] of Object.entries(anyone)) {
      const created = await api.rpc('create_database_trigger', {
        table_name: `${schema}.orders`,
        events: ['insert'],
        workflow: 'order-shipping',
        app: 'acme',
      });
      expect(created.error?.code, who).toMatch(/^(42501|PGRST202)$/);
      const dropped = await api.rpc('drop_database_trigger', { name: 'x' });
      expect(dropped.error?.code, who).toMatch(/^(42501|PGRST202)$/);
      const listed = await api.from('database_triggers').select();
      expect(listed.error?.code, who).toMatch(/^(42501|PGRST205)$/);
    }
    const { rowCount } = await b.db.query(
      'select from stepbase.database_triggers where table_name = $1',
      [`${schema}.orders`],
    );
    expect(rowCount).toBe(0);
  });
});

describe('start_run_as', () => {
  test('starts a run for a server with the secret key, and for no member', async () => {
    const workflow = await b.publish([node('shown', 'transform', { expression: 'input.n + 1' })]);
    const server = client(b.stack, b.stack.secret_key);
    const given = { app_code: 'acme', workflow, input: { n: 1 }, idempotency_key: randomUUID() };
    const { data, error } = await server.rpc('start_run_as', given).single<Run>();
    expect(error).toBeNull();
    const { run } = await b.ended(data?.id ?? '');
    expect(run).toMatchObject({ trigger_type: 'sql', output: { shown: 2 }, created_by: null });
    const again = await server.rpc('start_run_as', given).single<Run>();
    expect(again.data?.id).toBe(run.id);
    for (const member of [b.admin, client()]) {
      expect((await member.rpc('start_run_as', given)).error?.code).toBe('42501');
    }
    expect(codeOf(await server.rpc('start_run_as', { ...given, app_code: 'nowhere' }))).toBe(
      'SB404 not_found',
    );
  });

  test('a trigger of the project starts a run in the transaction of the member who fires it', async () => {
    const workflow = await b.publish([value('shown', 'input.id')]);
    await b.db.query(`
      create table ${schema}.notes (id int primary key);
      create function ${schema}.on_note() returns trigger language plpgsql security definer set search_path = '' as $$
      begin
        perform stepbase.start_run_as('acme', '${workflow}', jsonb_build_object('id', new.id), 'note:' || new.id);
        return null;
      end $$;
      create trigger on_note after insert on ${schema}.notes for each row execute function ${schema}.on_note();
      grant insert on ${schema}.notes to authenticated`);
    const writer = await b.db.connect();
    const write = async (id: number, end: 'commit' | 'rollback') => {
      await writer.query('begin');
      await writer.query("select set_config('role', 'authenticated', true)");
      await writer.query(`insert into ${schema}.notes values ($1)`, [id]);
      await writer.query(end);
    };
    try {
      await write(1, 'rollback');
      await write(2, 'commit');
    } finally {
      writer.release();
    }
    const { rows } = await b.db.query<{ id: string; input: unknown }>(
      `select r.id, r.input from stepbase.runs r join stepbase.workflows w on w.id = r.workflow_id
       where w.kebab_name = $1`,
      [workflow],
    );
    expect(rows.map(({ input }) => input)).toEqual([{ id: 2 }]);
    await b.ended(rows[0]?.id ?? '');
  });
});
