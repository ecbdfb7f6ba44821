// Group commit with batches that are rejected or take too long, by a clock that the test advances.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { handClock, settled } from '../_shared/clock/testing.ts';
import { createBatcher } from './batcher.ts';

const TOO_LONG = Object.assign(new Error('canceling statement'), { code: '57014' });
const LOCKED = Object.assign(new Error('canceling statement'), { code: '55P03' });
const REJECTED = Object.assign(new Error('value too long'), { code: '22001' });
const LIMIT_MS = 15_000;
const LOCK_MS = 5_000;

interface Item {
  app: string;
  run: string;
  isSlow?: boolean;
  isRejected?: boolean;
  size?: number;
  /** Until when another transaction holds the lock of the run. */
  lockedUntil?: number;
}

function setup() {
  const clock = handClock();
  const written: { item: Item; at: number }[] = [];
  const failed: { item: Item; error: unknown }[] = [];
  let statements = 0;
  let open = 0;
  let mostOpen = 0;
  const batcher = createBatcher<Item>({
    keyOf: ({ run }) => run,
    appOf: ({ app }) => app,
    sizeOf: ({ size = 1 }) => size,
    clock,
    async flush(items) {
      statements += 1;
      open += 1;
      mostOpen = Math.max(mostOpen, open);
      const lasts = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
      try {
        // A statement takes as long as its content: here a millisecond for each unit of size.
        const size = items.reduce((sum, item) => sum + (item.size ?? 0), 0);
        if (size > 0) await lasts(size);
        if (items.some(({ isSlow }) => isSlow)) {
          await lasts(LIMIT_MS);
          throw TOO_LONG;
        }
        const wait = Math.max(...items.map(({ lockedUntil = 0 }) => lockedUntil - clock.now()));
        if (wait > 0) await lasts(Math.min(wait, LOCK_MS));
        if (wait > LOCK_MS) throw LOCKED;
      } finally {
        open -= 1;
      }
      if (items.some(({ isRejected }) => isRejected)) throw REJECTED;
      written.push(...items.map((item) => ({ item, at: clock.now() })));
    },
    onError: (error, items) => failed.push(...items.map((item) => ({ item, error }))),
  });
  return {
    clock,
    batcher,
    written,
    failed,
    statements: () => statements,
    mostOpen: () => mostOpen,
  };
}

Deno.test('the one item that takes too long fails alone; all others are written', async () => {
  const s = setup();
  for (let i = 0; i < 40; i += 1) {
    s.batcher.add({ app: `app${i % 5}`, run: `r${i}`, isSlow: i === 17 });
  }
  await settled();
  await s.clock.advance(600_000);
  assert.deepEqual(
    s.failed.map(({ item, error }) => [item.run, error]),
    [['r17', TOO_LONG]],
  );
  assert.equal(s.written.length, 39);
});

Deno.test('after one statement that took too long, the items of other apps are written at once', async () => {
  const s = setup();
  for (let i = 0; i < 30; i += 1) {
    s.batcher.add({ app: 'greedy', run: `g${i}`, isSlow: true });
  }
  await settled();
  await s.clock.advance(LIMIT_MS);
  for (let second = 0; second < 120; second += 1) {
    const before = s.written.length;
    s.batcher.add({ app: 'greedy', run: `more${second}`, isSlow: true });
    s.batcher.add({ app: 'modest', run: `m${second}` });
    await settled();
    assert.equal(s.written.length, before + 1, `second ${second}`);
    await s.clock.advance(1_000);
  }
});

/** Adds items of other apps every 200 ms, and asserts that none waits longer than a second and such a step. */
async function othersAreWritten(s: ReturnType<typeof setup>, apps: string[], untilMs: number) {
  const added = new Map<Item, number>();
  for (let n = 0; s.clock.now() < untilMs; n += 1) {
    for (const app of apps) {
      const item = { app, run: `${app}${n}` };
      added.set(item, s.clock.now());
      s.batcher.add(item);
    }
    await settled();
    await s.clock.advance(200);
  }
  const writtenAt = new Map(s.written.map(({ item, at }) => [item, at]));
  for (const [item, at] of added) {
    const waited = (writtenAt.get(item) ?? Number.POSITIVE_INFINITY) - at;
    if (at <= untilMs - 1_200) assert.ok(waited <= 1_200, `${item.run} waited ${waited} ms`);
  }
}

Deno.test('while a statement of one app hangs, the items of other apps wait at most a second', async () => {
  const s = setup();
  // Both lanes are held by the app that hangs.
  for (let i = 0; i < 8; i += 1) s.batcher.add({ app: 'hangs', run: `h${i}`, isSlow: true });
  await settled();
  await othersAreWritten(s, ['a', 'b', 'c', 'd'], 6 * LIMIT_MS);
  assert.ok(s.mostOpen() <= 5, `${s.mostOpen()} statements at a time`);
});

Deno.test('two apps that hang hold the others no longer than one; new items of their batch go on too', async () => {
  const s = setup();
  for (let i = 0; i < 8; i += 1) {
    // All items of the first moment are in the two statements that hang.
    for (const app of ['a', 'b', 'c']) s.batcher.add({ app, run: `${app}first${i}` });
    s.batcher.add({ app: 'hangs', run: `h${i}`, isSlow: true });
  }
  await settled();
  await s.clock.advance(LIMIT_MS / 3);
  s.batcher.add({ app: 'hangs too', run: 'too', isSlow: true });
  await settled();
  await othersAreWritten(s, ['a', 'b', 'c', 'd'], 6 * LIMIT_MS);
  assert.ok(s.mostOpen() <= 5, `${s.mostOpen()} statements at a time`);
});

Deno.test('further items of a run wait while its statement hangs', async () => {
  const s = setup();
  s.batcher.add({ app: 'a', run: 'r' });
  s.batcher.add({ app: 'hangs', run: 'r', isSlow: true });
  await settled();
  await s.clock.advance(2_000);
  const statements = s.statements();
  s.batcher.add({ app: 'a', run: 'r' });
  await settled();
  assert.equal(s.statements(), statements);
  await s.clock.advance(LIMIT_MS);
  assert.equal(s.written.length, 2);
});

Deno.test('an item whose run is locked is repeated until the lock is released; the others are written before', async () => {
  const s = setup();
  for (let i = 0; i < 20; i += 1) {
    s.batcher.add({
      app: `app${i % 4}`,
      run: `r${i}`,
      ...(i === 6 ? { lockedUntil: 30_000 } : {}),
    });
  }
  await settled();
  await othersAreWritten(s, ['a', 'b'], 25_000);
  const before = s.written.filter(({ item }) => item.run.startsWith('r'));
  assert.equal(before.length, 19);
  await s.clock.advance(10_000);
  const locked = s.written.find(({ item }) => item.lockedUntil);
  assert.equal(locked?.at, 30_000);
  assert.deepEqual(s.failed, []);
});

Deno.test('an item whose run stays locked is given up after eight attempts', async () => {
  const s = setup();
  s.batcher.add({ app: 'a', run: 'r', lockedUntil: Number.POSITIVE_INFINITY });
  await settled();
  let isDrained = false;
  const drained = s.batcher.drain().then(() => {
    isDrained = true;
  });
  await s.clock.advance(30_000);
  assert.ok(!isDrained);
  await s.clock.advance(60_000);
  await drained;
  assert.deepEqual(
    s.failed.map(({ error }) => error),
    [LOCKED],
  );
  // The first statement is that of the lane.
  assert.equal(s.statements(), 9);
});

Deno.test('an app that was only in the same batch leaves the slow lane; the cause stays in it for minutes', async () => {
  const s = setup();
  s.batcher.add({ app: 'innocent', run: 'r1' });
  s.batcher.add({ app: 'cause', run: 'r1', isSlow: true });
  await settled();
  await s.clock.advance(2 * LIMIT_MS);
  assert.deepEqual([s.written.length, s.failed.length], [1, 1]);
  const statements = s.statements();
  for (let i = 0; i < 10; i += 1) s.batcher.add({ app: 'innocent', run: 'r1' });
  await settled();
  assert.equal(s.statements(), statements + 1, 'one statement for all');
  for (let i = 0; i < 10; i += 1) s.batcher.add({ app: 'cause', run: 'r1' });
  await settled();
  assert.equal(s.statements(), statements + 11, 'one statement each');
  await s.clock.advance(10 * 60_000);
  for (let i = 0; i < 10; i += 1) s.batcher.add({ app: 'cause', run: 'r1' });
  await settled();
  assert.equal(s.statements(), statements + 12);
});

Deno.test('beside items that are larger than a batch, the items of other apps are written at once', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 401, max: 900 }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.string({ minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 20 }),
      async (large, runs) => {
        const s = setup();
        for (const [n, size] of large.entries()) {
          s.batcher.add({ app: 'greedy', run: `large${n}`, size });
        }
        await settled();
        for (const run of runs) s.batcher.add({ app: 'modest', run });
        await settled();
        assert.equal(s.written.filter(({ item }) => item.app === 'modest').length, runs.length);
        assert.equal(s.written.filter(({ item }) => item.app === 'greedy').length, 0);
        await s.clock.advance(large.reduce((sum, size) => sum + size, 0));
        await s.batcher.drain();
        assert.equal(s.written.length, large.length + runs.length);
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test('every item is written or fails, exactly once, beside any others', async () => {
  const item = fc.record({
    app: fc.constantFrom('a', 'b', 'c'),
    run: fc.constantFrom('1', '2', '3', '4', '5'),
    isSlow: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
    isRejected: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
    lockedUntil: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.constant(20_000)),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(item, { maxLength: 60 }), async (items) => {
      const s = setup();
      for (const one of items) s.batcher.add(one);
      await settled();
      await s.clock.advance(100 * LIMIT_MS * (items.length + 1));
      await s.batcher.drain();
      const isBad = ({ isSlow, isRejected }: Item) => isSlow || isRejected;
      assert.equal(s.failed.length, items.filter(isBad).length);
      assert.ok(s.failed.every(({ item: one }) => isBad(one)));
      assert.equal(s.written.length, items.length - s.failed.length);
    }),
    { numRuns: 40 },
  );
});

Deno.test('with n apps, an app has its share of each statement, in the order of arrival', async () => {
  const apps = fc.constantFrom('greedy', 'greedy', 'greedy', 'modest', 'other');
  await fc.assert(
    fc.asyncProperty(fc.array(apps, { minLength: 1, maxLength: 60 }), async (waiting) => {
      // A batch of several apps has a quarter of the limit.
      const limit = 24;
      const shared = 6;
      const left = waiting.map((app, n) => ({ app, n }));
      const batcher = createBatcher<{ app: string; n: number }>({
        keyOf: ({ app }) => app,
        appOf: ({ app }) => app,
        clock: handClock(),
        lanes: 1,
        limit,
        flush(items) {
          const owners = [...new Set(left.map(({ app }) => app))];
          const most = owners.length > 1 ? shared : limit;
          assert.ok(items.length <= most, `${items.length} items`);
          for (const owner of owners) {
            const mine = left.filter(({ app }) => app === owner);
            const got = items.filter(({ app }) => app === owner);
            assert.deepEqual(got, mine.slice(0, got.length));
            const share = Math.floor(most / owners.length);
            assert.ok(got.length >= Math.min(share, mine.length), `${owner} got ${got.length}`);
          }
          for (const item of items)
            left.splice(
              left.findIndex(({ n }) => n === item.n),
              1,
            );
          return Promise.resolve();
        },
        onError: (error) => assert.fail(String(error)),
      });
      for (const item of [...left]) batcher.add(item);
      await batcher.drain();
      assert.deepEqual(left, []);
    }),
  );
});
