// The deliveries in flight: their number is bounded, each result is recorded, and faults stop nothing.

import assert from 'node:assert/strict';
import { handClock, settled } from '../../_shared/clock/testing.ts';
import { Deliveries } from './deliveries.ts';
import type { AttemptResult, Delivery } from './queries.ts';

const delivery = (id: string, app_code = 'acme'): Delivery => ({
  id,
  app_code,
  url: 'https://a.example/',
  attempt: 1,
  payload: '{}',
  secrets: [],
});

interface Setup {
  due?: Delivery[];
  acceptsWork?: () => boolean;
  claim?: () => Promise<Delivery[]>;
  record?: (delivery: Delivery) => Promise<void>;
}

function setup({ due = [], acceptsWork = () => true, claim, record }: Setup) {
  const clock = handClock();
  const claims: { busy: readonly string[]; limit: number }[] = [];
  const recorded: [string, string | undefined][] = [];
  const errors: string[] = [];
  const open = new Map<string, (result: AttemptResult) => void>();
  let most = 0;
  let idle = 0;
  const deliveries = new Deliveries({
    store: {
      claim(busy, limit) {
        claims.push({ busy, limit });
        return claim?.() ?? Promise.resolve(due.splice(0, limit));
      },
      record(one, { failure }) {
        recorded.push([one.id, failure]);
        return record?.(one) ?? Promise.resolve();
      },
    },
    send: (one, stopped) =>
      new Promise((resolve) => {
        open.set(one.id, resolve);
        most = Math.max(most, open.size);
        stopped.addEventListener('abort', () => resolve({ failure: 'stopped', durationMs: 0 }));
      }),
    acceptsWork,
    later: (ms, action) => void clock.after(ms, action),
    onIdle: () => {
      idle += 1;
    },
    onError: (message) => errors.push(message),
  });
  const answer = async (id: string) => {
    open.get(id)?.({ durationMs: 1 });
    open.delete(id);
    await settled();
  };
  return {
    ...{ clock, deliveries, claims, recorded, errors, open, answer },
    most: () => most,
    idle: () => idle,
  };
}

Deno.test('at most twenty are in flight, and each place is used again', async () => {
  const s = setup({ due: Array.from({ length: 30 }, (_, n) => delivery(`d${n}`)) });
  s.deliveries.start();
  await settled();
  assert.equal(s.open.size, 20);
  while (s.open.size > 0) await s.answer([...s.open.keys()][0] ?? '');
  assert.equal(s.recorded.length, 30);
  assert.equal(s.most(), 20);
  assert.deepEqual([s.deliveries.isBusy, s.deliveries.hasPending], [false, false]);
  assert.ok(s.idle() > 0);
});

Deno.test('a claim names the application of each delivery in flight', async () => {
  const s = setup({ due: [delivery('a'), delivery('b', 'globex')] });
  s.deliveries.start();
  await settled();
  assert.deepEqual(s.claims, [
    { busy: [], limit: 20 },
    { busy: ['acme', 'globex'], limit: 18 },
  ]);
  await s.answer('a');
  assert.deepEqual(s.claims.at(-1), { busy: ['globex'], limit: 19 });
});

Deno.test('a claim that fails is repeated after a second', async () => {
  let calls = 0;
  const claim = () => {
    calls += 1;
    return calls === 1 ? Promise.reject(new Error('away')) : Promise.resolve([]);
  };
  const s = setup({ claim });
  s.deliveries.start();
  await settled();
  assert.deepEqual([calls, s.errors.length, s.deliveries.isBusy], [1, 1, false]);
  await s.clock.advance(1_000);
  assert.equal(calls, 2);
});

Deno.test('a result that cannot be recorded does not stop the others', async () => {
  const record = ({ id }: Delivery) =>
    id === 'a' ? Promise.reject(new Error('away')) : Promise.resolve();
  const s = setup({ due: [delivery('a'), delivery('b')], record });
  s.deliveries.start();
  await settled();
  await s.answer('a');
  await s.answer('b');
  assert.deepEqual(s.recorded, [
    ['a', undefined],
    ['b', undefined],
  ]);
  assert.equal(s.errors.length, 1);
  assert.equal(s.deliveries.isBusy, false);
});

Deno.test('a worker that stops claims nothing, and ends the attempts in flight', async () => {
  let accepts = true;
  const s = setup({ due: [delivery('a')], acceptsWork: () => accepts });
  s.deliveries.start();
  await settled();
  accepts = false;
  s.deliveries.cancel();
  await s.deliveries.settled();
  assert.deepEqual(s.recorded, [['a', 'stopped']]);
  const claims = s.claims.length;
  s.deliveries.start();
  await settled();
  assert.equal(s.claims.length, claims);
  assert.equal(s.deliveries.hasPending, true);
});
