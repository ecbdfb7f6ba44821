// One app cannot stop another: statements that hang or raise an error because of the rows of one app cost that app
// only. The limits of the server are shortened, so that the tests take seconds.

import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChaosEnvironment, createChaosEnvironment } from '../../scripts/chaos/environment.ts';
import { workerUrl } from '../../scripts/stack/functions-env.ts';
import { type StackClient, signedIn, waitFor } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { type node, type Run, type TestApp, testApp, value } from './support.ts';

const LIMIT_MS = 700;

let environment: ChaosEnvironment;
/** The app that stops. */
let greedy: TestApp;
let other: StackClient;
let quick: string;

beforeAll(async () => {
  environment = await createChaosEnvironment({ workers: 1, leaseSeconds: 5 });
  greedy = await testApp(environment.info);
  other = await signedIn('developer@globex', environment.info);
  quick = await publishOther([value('a')]);
  await greedy.db.query('create table public.hold (held int)');
});
afterAll(() => environment?.stop());

/** Limits of the statements of all connections from now on. */
async function limitStatements(statementMs: number, lockMs: number): Promise<void> {
  await greedy.db.query(`alter role stepbase_worker set statement_timeout = '${statementMs}ms'`);
  await greedy.db.query(`alter role stepbase_worker set lock_timeout = '${lockMs}ms'`);
  await greedy.db.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'stepbase_worker'`,
  );
}

async function publishOther(nodes: ReturnType<typeof node>[]): Promise<string> {
  const name = `t-${randomUUID()}`;
  const saved = await other
    .rpc('save_workflow', { kebab_name: name, definition: { nodes, edges: [] } })
    .single<{ id: string }>();
  if (saved.error) throw saved.error;
  const made = await other.rpc('publish_workflow', { workflow_version_id: saved.data.id });
  if (made.error) throw made.error;
  return name;
}

/** Starts a run of the other app and waits for its end. */
async function otherRun(): Promise<void> {
  const started = await other.rpc('start_run', { workflow: quick }).single<Run>();
  if (started.error) throw started.error;
  await waitFor('the run of the other app ends', async () => {
    const { data } = await other.from('runs').select('status').eq('id', started.data.id).single();
    return data?.status === 'completed';
  });
}

/** The other app keeps working until `done` is true. */
async function otherRunsUntil(done: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + scaled(60_000);
  for (let runs = 0; !(await done()); runs += 1) {
    if (Date.now() > end) throw new Error(`not done; ${runs} runs of the other app`);
    await otherRun();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const ACTS = {
  hangs: 'perform pg_sleep(30);',
  raises: `raise exception 'hostile row';`,
  isLocked: 'perform from public.hold for update;',
  isHeld: 'while exists (select from public.hold) loop perform pg_sleep(0.02); end loop;',
};

/** Statements that the worker's lanes execute at present. */
async function completing(): Promise<number> {
  const { rows } = await greedy.db.query(
    `select from pg_stat_activity where usename = 'stepbase_worker' and state = 'active'
     and query like '%stepbase_engine.complete%'`,
  );
  return rows.length;
}

/** Rows of `table` that meet the condition affect their statement while `work` runs. */
async function withHostile(
  table: string,
  when: string,
  effect: keyof typeof ACTS,
  work: () => Promise<void>,
): Promise<void> {
  const act = ACTS[effect];
  await greedy.db.query(
    `create or replace function public.hostile() returns trigger
     language plpgsql security definer as $$
       begin ${act} return new; end $$`,
  );
  await greedy.db.query(
    `create trigger hostile before insert or update on stepbase.${table}
     for each row when (${when}) execute function public.hostile()`,
  );
  try {
    await work();
  } finally {
    await greedy.db.query(`drop trigger hostile on stepbase.${table}`);
  }
}

/** A workflow of the greedy app, and the event that starts it. */
async function startedByEvent(): Promise<{ started: string; event: string }> {
  const started = await greedy.publish([value('a')]);
  const event = `e.${randomUUID().slice(0, 8)}`;
  await greedy.db.query(
    `insert into stepbase.workflow_triggers (app_code, workflow_id, name, trigger_type, event_name)
     select app_code, id, $2, 'event', $2 from stepbase.workflows where kebab_name = $1`,
    [started, event],
  );
  return { started, event };
}

test('while the server executes a statement of the relay for one app, runs of another app complete', async () => {
  const { event } = await startedByEvent();
  await limitStatements(scaled(120_000), scaled(60_000));
  await greedy.db.query('insert into public.hold values (1)');
  const held = async () => {
    const { rows } = await greedy.db.query<{ id: string }>(
      `select pid || ' ' || query_start as id from pg_stat_activity
       where usename = 'stepbase_worker' and state = 'active' and query like '%relay_app%'`,
    );
    return rows.map(({ id }) => id);
  };
  await withHostile(
    'outbox',
    `new.payload ->> 'name' = '${event}' and new.published_at is not null`,
    'isHeld',
    async () => {
      const { error } = await greedy.developer.rpc('emit_event', { name: event });
      expect(error).toBeNull();
      await waitFor('the statement is held', async () => (await held()).length > 0);
      const before = await held();
      for (let i = 0; i < 5; i += 1) await otherRun();
      expect(await held()).toEqual(expect.arrayContaining(before));
      // Not dropped: the statement holds a lock on the table.
      await greedy.db.query('delete from public.hold');
    },
  );
});

test.each(['isHeld', 'isLocked'] as const)(
  'while the statement that completes steps of one app %s, runs of another app complete',
  async (effect) => {
    const held = await greedy.publish([value('a', 'input')]);
    await limitStatements(scaled(120_000), effect === 'isHeld' ? scaled(60_000) : 1_500);
    await greedy.db.query('insert into public.hold values (1)');
    const holder = await greedy.db.connect();
    try {
      await holder.query('begin');
      await holder.query('select from public.hold for update');
      const ofApp = `new.status = 'completed' and new.output ->> 'hostile' = 'true'`;
      await withHostile('step_runs', ofApp, effect, async () => {
        // Enough runs for both lanes.
        const runs: Run[] = [];
        for (let i = 0; i < 6; i += 1) runs.push(await greedy.start(held, { hostile: true }));
        await waitFor('a statement is held', async () => (await completing()) > 0);
        for (let i = 0; i < 10; i += 1) await otherRun();
        const { rows } = await greedy.db.query<{ status: string }>(
          'select status from stepbase.runs where id = any($1) and completed_at is not null',
          [runs.map(({ id }) => id)],
        );
        expect(rows).toEqual([]);
        await holder.query('delete from public.hold');
        await holder.query('commit');
        for (const { id } of runs) {
          expect((await greedy.ended(id, 90_000)).run.status).toBe('completed');
        }
      });
    } finally {
      holder.release(true);
    }
  },
);

describe.each(['hangs', 'raises'] as const)('a statement of one app that %s', (effect) => {
  beforeAll(() => limitStatements(LIMIT_MS, LIMIT_MS / 2));

  test('in the relay: its message is quarantined, its other events start runs, other apps go on', async () => {
    const { started, event } = await startedByEvent();
    const emit = (poison: boolean) =>
      greedy.developer.rpc('emit_event', { name: event, payload: { poison } });
    // The trigger's result is recorded outside of the subtransaction of the start.
    await withHostile(
      'outbox',
      `new.payload #>> '{payload,poison}' = 'true' and new.published_at is not null`,
      effect,
      async () => {
        for (const poison of [false, true, false, false]) {
          const { error } = await emit(poison);
          expect(error).toBeNull();
        }
        await otherRunsUntil(async () => {
          const { rows } = await greedy.db.query(
            `select 1 from stepbase.outbox
           where quarantined_at is not null and payload ->> 'name' = $1`,
            [event],
          );
          return rows.length === 1;
        });
        await waitFor('the other events have started runs', async () => {
          const { rows } = await greedy.db.query<{ n: number }>(
            `select count(*)::int as n from stepbase.runs r
           join stepbase.workflows w on w.id = r.workflow_id
           where w.kebab_name = $1 and r.status = 'completed'`,
            [started],
          );
          return rows[0]?.n === 3;
        });
      },
    );
    const { rows } = await greedy.db.query<{ attempts: number; error: string }>(
      `select attempts, error from stepbase.outbox where quarantined_at is not null
       and payload ->> 'name' = $1`,
      [event],
    );
    expect(rows).toEqual([
      {
        attempts: 3,
        error: expect.stringContaining(effect === 'hangs' ? 'statement timeout' : 'hostile row'),
      },
    ]);
  });

  test('in a transition: its step fails, the steps of the same moment are written', async () => {
    const name = await greedy.publish([value('a', 'input')]);
    const inputs = Array.from({ length: 12 }, (_, i) => ({ n: i, hostile: i === 5 }));
    await withHostile(
      'step_runs',
      `new.status = 'completed' and new.output ->> 'hostile' = 'true'`,
      effect,
      async () => {
        const runs = await Promise.all(inputs.map((input) => greedy.start(name, input)));
        const ids = runs.map(({ id }) => id);
        await otherRunsUntil(async () => {
          const { rows } = await greedy.db.query(
            `select 1 from stepbase.runs where id = any($1) and completed_at is null`,
            [ids],
          );
          return rows.length === 0;
        });
        const { rows } = await greedy.db.query<{ status: string; code: string | null }>(
          `select status, error ->> 'code' as code from stepbase.runs where id = any($1)
           order by array_position($1, id)`,
          [ids],
        );
        expect(rows).toEqual(
          inputs.map(({ hostile }) =>
            hostile
              ? { status: 'failed', code: effect === 'hangs' ? 'engine_timeout' : 'invalid_output' }
              : { status: 'completed', code: null },
          ),
        );
      },
    );
  });
});

test('the server, not the driver, ends a statement: nothing goes on after its limit', async () => {
  const client = new pg.Client({ connectionString: workerUrl(environment.info.db_url) });
  await client.connect();
  const from = performance.now();
  await expect(client.query('select pg_sleep(30)')).rejects.toMatchObject({ code: '57014' });
  expect(performance.now() - from).toBeLessThan(scaled(LIMIT_MS * 4));
  await client.end();
});
