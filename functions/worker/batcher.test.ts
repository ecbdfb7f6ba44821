// Group commit with batches that are rejected or take too long, by a clock that the test advances.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { handClock, settled } from '../_shared/clock/testing.ts';
import { createBatcher } from './batcher.ts';

const TOO_LONG = Object.assign(new Error('canceling statement'), { code: '57014' });
const REJECTED = Object.assign(new Error('value too long'), { code: '22001' });
const LIMIT_MS = 15_000;

interface Item {
  app: string;
  run: string;
  isSlow?: boolean;
  isRejected?: boolean;
}

function setup() {
  const clock = handClock();
  const written: { item: Item; at: number }[] = [];
  const failed: { item: Item; error: unknown }[] = [];
  let statements = 0;
  const batcher = createBatcher<Item>({
    keyOf: ({ run }) => run,
    appOf: ({ app }) => app,
    now: clock.now,
    async flush(items) {
      statements += 1;
      if (items.some(({ isSlow }) => isSlow)) {
        await new Promise<void>((resolve) => clock.after(LIMIT_MS, resolve));
        throw TOO_LONG;
      }
      if (items.some(({ isRejected }) => isRejected)) throw REJECTED;
      written.push(...items.map((item) => ({ item, at: clock.now() })));
    },
    onError: (error, items) => failed.push(...items.map((item) => ({ item, error }))),
  });
  return { clock, batcher, written, failed, statements: () => statements };
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

Deno.test('every item is written or fails, exactly once, whatever the others are', async () => {
  const item = fc.record({
    app: fc.constantFrom('a', 'b', 'c'),
    run: fc.constantFrom('1', '2', '3', '4', '5'),
    isSlow: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
    isRejected: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
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
