// Which errors of a replica the primary may answer, and a replica that is silent, is no replica, or fails once.
import assert from 'node:assert/strict';
import { type HandClock, handClock, settled } from '../../_shared/clock/testing.ts';
import type { Db } from '../../_shared/db/pool.ts';
import { AppError } from '../../_shared/errors/index.ts';
import { createLog } from '../../_shared/log/log.ts';
import { createReads, reasonToRetry } from './reads.ts';
import { createReplica, ReplicaFault } from './replica.ts';

const withCode = (code: string) => Object.assign(new Error('x'), { code });

Deno.test('a conflict, a lost connection and an error of the replica alone are retried', () => {
  const reasons: [unknown, string][] = [
    [withCode('40001'), 'conflict'],
    [withCode('40P01'), 'conflict'],
    [withCode('55P03'), 'conflict'],
    [withCode('57014'), 'conflict'],
    [withCode('57P01'), 'unreachable'],
    [withCode('ECONNREFUSED'), 'unreachable'],
    [new Error('Connection terminated unexpectedly'), 'unreachable'],
    [new ReplicaFault('silent'), 'unreachable'],
    // A table of a migration that the replica has not replayed, and a write.
    [withCode('42P01'), 'error'],
    [withCode('25006'), 'error'],
  ];
  for (const [error, reason] of reasons) assert.equal(reasonToRetry(error, 10), reason);
});

Deno.test('what fails in the same way on the primary is not retried', () => {
  for (const error of [withCode('SB403'), withCode('22P02'), new AppError('not_found', 'x')]) {
    assert.equal(reasonToRetry(error, 10), undefined);
  }
  // It used up its time.
  assert.equal(reasonToRetry(withCode('57014'), 10_000), undefined);
});

/** A database that answers with the row that `answer` returns. */
const fakeDb = (name: string, answer: () => object | Promise<object>): Db & { name: string } => ({
  name,
  query: async <R extends object>() => [(await answer()) as R],
  transaction: (work) => work(async <R extends object>() => [(await answer()) as R]),
  executeSql: async () => ({ rows: [] }),
  close: async () => undefined,
});

function setup(answer: () => object | Promise<object>) {
  const clock: HandClock = handClock();
  const log = createLog({ level: 'error' });
  const primary = fakeDb('primary', () => ({ position: '0/10' }));
  let asked = 0;
  const db = fakeDb('replica', () => {
    asked += 1;
    return answer();
  });
  const replica = createReplica({ primary, db, clock, log, maxLagMs: 1_000 });
  const reads = createReads({ primary, replica, clock, log });
  const server = () => reads.asFunction(async (of) => (of as typeof primary).name);
  return { clock, reads, server, asked: () => asked };
}

const UP = { is_replica: true, replayed: '0/10', age_ms: 0 };

Deno.test('a replica that has replayed everything answers', async () => {
  const s = setup(() => UP);
  assert.equal(await s.server(), 'replica');
  assert.deepEqual(await s.reads.measure(), { lagMs: 0 });
});

Deno.test('a server that is no replica is not read, and is not asked by each read', async () => {
  const s = setup(() => ({ is_replica: false, replayed: null, age_ms: null }));
  for (let read = 0; read < 10; read += 1) assert.equal(await s.server(), 'primary');
  assert.equal(s.asked(), 1);
});

Deno.test('a silent replica delays the first read only, and is asked again after a pause', async () => {
  let answer: object | Promise<object> = new Promise<object>(() => undefined);
  const s = setup(() => answer);
  const first = s.server();
  await settled();
  await s.clock.advance(2_000);
  assert.equal(await first, 'primary');
  assert.equal(await s.server(), 'primary');
  assert.equal(s.asked(), 1);
  answer = UP;
  await s.clock.advance(5_000);
  // This read asks, beside its own answer.
  assert.equal(await s.server(), 'primary');
  await settled();
  assert.equal(await s.server(), 'replica');
  assert.equal(s.asked(), 2);
});

Deno.test('a replica behind by more than the limit is not read', async () => {
  const s = setup(() => ({ is_replica: true, replayed: '0/9', age_ms: 1_500 }));
  assert.equal(await s.server(), 'primary');
  assert.equal(await s.server(), 'primary');
  assert.equal(s.asked(), 1);
});
