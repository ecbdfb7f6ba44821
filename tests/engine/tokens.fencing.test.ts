// A token belongs to the worker to which pg-boss delivered it last: a worker that was frozen since it took the token
// cannot claim it. Each case acts as both workers in a transaction that is rolled back.

import type pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { seedUser } from '../support/stack.ts';
import { type TestApp, testApp, value } from './support.ts';
import { claim, type HandedOut, handOut } from './tokens.ts';

let b: TestApp;
let versionId: string;

beforeAll(async () => {
  b = await testApp();
  const name = await b.publish([value('a'), value('b')], ['a > b']);
  const { rows } = await b.db.query<{ id: string }>(
    'select published_version_id as id from stepbase.workflows where kebab_name = $1',
    [name],
  );
  versionId = rows[0]?.id ?? '';
});

async function played(
  play: (db: pg.PoolClient, runId: string, first: HandedOut[]) => Promise<void>,
): Promise<void> {
  const db = await b.db.connect();
  try {
    await db.query('begin');
    const { rows } = await db.query<{ id: string }>(
      `select (stepbase_engine.start_run('acme', $1, '{}')).id`,
      [versionId],
    );
    const runId = rows[0]?.id ?? '';
    await play(db, runId, await handOut(db, [runId]));
  } finally {
    await db.query('rollback');
    db.release();
  }
}

/** Expires the lease of these tokens and returns them to the queue. */
async function returned(db: pg.PoolClient, tokens: readonly HandedOut[]): Promise<void> {
  await db.query('select stepbase_engine.return_tokens($1)', [tokens.map(({ job_id }) => job_id)]);
}

async function state(db: pg.PoolClient, runId: string): Promise<unknown> {
  const { rows } = await db.query(
    `select r.status, r.event_seq::int as events,
       (select count(*)::int from stepbase_queue.job j where j.data ->> 'run_id' = r.id::text) as tokens,
       (select array_agg(s.fence) from stepbase.step_runs s where s.run_id = r.id) as claims
     from stepbase.runs r where r.id = $1`,
    [runId],
  );
  return rows[0];
}

describe('a worker claims late', () => {
  test('a token that has returned to the queue stays there, and its run does not start', () =>
    played(async (db, runId, first) => {
      await returned(db, first);
      expect(await claim(db, first)).toEqual([]);
      expect(await state(db, runId)).toEqual({
        status: 'pending',
        events: 1,
        tokens: 1,
        claims: null,
      });
    }));

  test('a token that another worker has taken is claimed once, by that worker', () =>
    played(async (db, runId, first) => {
      await returned(db, first);
      const second = await handOut(db, [runId]);
      expect(await claim(db, first)).toEqual([]);
      expect(await claim(db, second)).toMatchObject([{ run_id: runId, fence: 1 }]);
      expect(await claim(db, first)).toEqual([]);
      expect(await state(db, runId)).toMatchObject({ status: 'running', tokens: 1, claims: [1] });
    }));

  test('the other tokens of the same call are claimed', () =>
    played(async (db, runId, first) => {
      const [mine] = await claim(db, [
        ...first.map((token) => ({ ...token, job_id: crypto.randomUUID() })),
        ...first,
      ]);
      expect(mine).toMatchObject({ run_id: runId, fence: 1 });
    }));
});

async function asDeveloper(db: pg.PoolClient, text: string, values: unknown[]): Promise<void> {
  const { id, app_code } = seedUser('developer@acme');
  const claims = JSON.stringify({ sub: id, role: 'authenticated', app_code });
  await db.query(
    "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)",
    [claims],
  );
  await db.query(text, values);
  await db.query('reset role');
}

describe('a run that was paused and resumed before it started', () => {
  test('is not started by its old token while another run has the slot', () =>
    played(async (db, runId, first) => {
      await db.query(
        'update stepbase.workflows set max_concurrent_executions = 1 where published_version_id = $1',
        [versionId],
      );
      await asDeveloper(db, 'select stepbase.pause_run($1)', [runId]);
      const { rows } = await db.query<{ id: string }>(
        `select (stepbase_engine.start_run('acme', $1, '{}')).id`,
        [versionId],
      );
      const otherId = rows[0]?.id ?? '';
      await db.query('select stepbase_engine.admit()');
      await asDeveloper(db, 'select stepbase.resume_run($1)', [runId]);
      expect(await claim(db, first)).toEqual([]);
      expect(await state(db, runId)).toMatchObject({ status: 'pending', tokens: 0, claims: null });
      expect(await claim(db, await handOut(db, [otherId]))).toMatchObject([{ run_id: otherId }]);
    }));
});
