// stepbase.workers: workers write their heartbeats, maintenance marks silent ones as lost, and members read the table.
// The tests end workers and move the clock, so they have a stack of their own.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VERSION } from '../../functions/_shared/version.ts';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import type { Database } from '../../types/database.ts';
import { client, signedIn, waitFor } from '../support/stack.ts';
import { type TestApp, testApp, value } from './support.ts';

type WorkerRow = Database['stepbase']['Tables']['workers']['Row'];

let b: TestApp;
let stack: Stack;
beforeAll(async () => {
  stack = await startThrowawayStack({ web: false });
  b = await testApp(stack.info);
});
afterAll(() => stack?.stop());

async function workers(): Promise<WorkerRow[]> {
  const { data, error } = await b.developer.from('workers').select('*').order('started_at');
  if (error) throw error;
  return data as WorkerRow[];
}

const pidOf = (worker: WorkerRow) => (worker.metadata as { pid: number }).pid;

const running = (besides: string[] = []) =>
  waitFor('a worker is online', async () =>
    (await workers()).find(
      (w) => w.mode === 'resident' && w.status === 'running' && !besides.includes(w.worker_id),
    ),
  );

async function beat(more: Record<string, unknown>): Promise<void> {
  await b.db.query('select stepbase_engine.heartbeat($1)', [
    { worker_id: 'w', mode: 'resident', status: 'running', version: 'x', concurrency: 10, ...more },
  ]);
}

async function named(workerId: string): Promise<WorkerRow | undefined> {
  return (await workers()).find((w) => w.worker_id === workerId);
}

/** Runs maintenance and returns its report. Its first call in a new month only creates partitions. */
async function watch(): Promise<{ lost: number; pruned: number }> {
  return await waitFor('maintenance looks at the workers', async () => {
    const { rows } = await b.db.query("select stepbase_engine.maintain() -> 'workers' as done");
    return rows[0].done ?? undefined;
  });
}

describe('workers', () => {
  test('a resident worker has a row from its start', async () => {
    const worker = await running();
    expect(worker).toMatchObject({
      app_code: null,
      task_queue_name: '*',
      mode: 'resident',
      version: JSON.parse(readFileSync('package.json', 'utf8')).version,
      concurrency: expect.any(Number),
      hostname: expect.any(String),
      stopped_at: null,
    });
    expect(VERSION).toBe(worker.version);
    expect(pidOf(worker)).toBeGreaterThan(1);
    process.kill(pidOf(worker), 0);
  });

  test('a stopped worker is stopped, a killed one is lost, and their successors are online', async () => {
    const first = await running();
    process.kill(pidOf(first), 'SIGTERM');
    const stopped = await waitFor('the first worker is stopped', async () => {
      const row = await named(first.worker_id);
      return row?.status === 'stopped' && row;
    });
    expect(stopped.stopped_at).not.toBeNull();

    const second = await running([first.worker_id]);
    process.kill(pidOf(second), 'SIGKILL');
    const third = await running([first.worker_id, second.worker_id]);
    await b.advance('2 minutes');
    await beat({ ...third, metadata: third.metadata });
    await watch();
    expect((await named(second.worker_id))?.status).toBe('lost');
    expect((await named(third.worker_id))?.status).toBe('running');
    expect((await named(first.worker_id))?.status).toBe('stopped');

    const { run } = await b.run([value('a')]);
    expect(run.status).toBe('completed');
  });

  test('a lost worker is online again with its next heartbeat', async () => {
    await beat({ worker_id: 'away', executing: 3, metadata: { pid: 1 } });
    expect(await named('away')).toMatchObject({ status: 'running', executing: 3 });
    await b.advance('2 minutes');
    await watch();
    expect(await named('away')).toMatchObject({ status: 'lost', executing: 0, stopped_at: null });
    await beat({ worker_id: 'away' });
    expect(await named('away')).toMatchObject({ status: 'running', stopped_at: null });
    await beat({ worker_id: 'away', status: 'error', error_message: 'the disk is full' });
    expect(await named('away')).toMatchObject({
      status: 'error',
      error_message: 'the disk is full',
      stopped_at: expect.any(String),
    });
    await beat({ worker_id: 'away' });
    expect(await named('away')).toMatchObject({
      status: 'running',
      error_message: null,
      stopped_at: null,
    });
  });

  test('invocations of a region share a row, and a second one right after the first does not write', async () => {
    const invocation = { worker_id: 'invocation:eu', mode: 'invocation' };
    await beat(invocation);
    const first = await named('invocation:eu');
    await beat(invocation);
    await beat(invocation);
    expect(await named('invocation:eu')).toEqual(first);
    await b.advance('1 minute');
    await beat(invocation);
    const later = await named('invocation:eu');
    expect(later?.last_heartbeat_at).not.toBe(first?.last_heartbeat_at);
    expect(later?.started_at).toBe(first?.started_at);

    await b.advance('10 minutes');
    await watch();
    expect((await named('invocation:eu'))?.status).toBe('running');
    await b.advance('10 minutes');
    await watch();
    expect(await named('invocation:eu')).toMatchObject({ status: 'stopped' });
    await beat(invocation);
    expect(await named('invocation:eu')).toMatchObject({ status: 'running', stopped_at: null });
  });

  test('rows of workers that ended long ago are deleted, and their number is limited', async () => {
    await beat({ worker_id: 'old', status: 'stopped' });
    await b.advance('8 days');
    await beat({ worker_id: 'new', status: 'stopped' });
    await watch();
    expect(await named('old')).toBeUndefined();
    expect(await named('new')).toBeDefined();
    for (const worker_id of ['one', 'two', 'three']) {
      await b.advance('1 second');
      await beat({ worker_id, status: 'stopped' });
    }
    await b.db.query('select stepbase_engine.expire_workers(p_keep_at_most => 2)');
    expect(await named('three')).toBeDefined();
    expect(await named('two')).toBeDefined();
    expect(await named('one')).toBeUndefined();
  });

  test('members of every application can read the workers, and no client can write them', async () => {
    const [viewer, other] = await Promise.all([
      signedIn('viewer@acme', stack.info),
      signedIn('admin@globex', stack.info),
    ]);
    for (const member of [viewer, other]) {
      const { data } = await member.from('workers').select('worker_id').is('app_code', null);
      expect(data?.length).toBeGreaterThan(0);
    }
    const { data: unseen } = await client(stack.info).from('workers').select('worker_id');
    expect(unseen ?? []).toEqual([]);
    const { error } = await b.admin.from('workers').delete().eq('mode', 'resident');
    expect(error?.code).toBe('42501');
    const { error: call } = await b.admin
      .schema('stepbase_engine' as never)
      .rpc('heartbeat', { p_worker: {} });
    expect(call).not.toBeNull();
  });

  test('maintenance returns the tokens of a dead worker, even if no other worker runs', async () => {
    const { run } = await b.run([value('a')]);
    // Never committed, so the worker of the stack does not see it.
    const expired = (age: string) =>
      waitFor('maintenance', async () => {
        const session = await b.db.connect();
        try {
          await session.query('begin');
          await session.query(
            `with token as (select gen_random_uuid() as id)
             select stepbase_engine.create_tokens(array[t.id], array[$1::uuid]) from token t`,
            [run.id],
          );
          await session.query(
            `update stepbase_queue.job set state = 'active', started_on = now() - $1::interval
             where name = 'steps' and state = 'created'`,
            [age],
          );
          const { rows } = await session.query(
            "select stepbase_engine.maintain() ->> 'expired' as done",
          );
          return rows[0].done ?? false;
        } finally {
          await session.query('rollback');
          session.release();
        }
      });
    expect(await expired('90 seconds')).toBe('0');
    expect(await expired('3 minutes')).toBe('1');
  });
});
