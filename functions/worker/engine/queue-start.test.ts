// From which round a worker fetches: behind the dead entries of the queue, but never behind a token.

import assert from 'node:assert/strict';
import { LOOK_MS, type Look, QueueStart } from './queue-start.ts';

function setUp() {
  const looks: Look[] = [];
  const asked: (number | undefined)[] = [];
  let now = 0;
  const start = new QueueStart(
    (lastFetched) => {
      asked.push(lastFetched);
      const look = looks.shift();
      if (!look) throw new Error('an unexpected look');
      return Promise.resolve(look);
    },
    { now: () => now },
  );
  return {
    asked,
    /** The round of a fetch that follows the preceding one so late that the worker looks, and finds this. */
    async roundAfter(look: Look, fetched: readonly number[]) {
      start.noteFetched(fetched);
      looks.push(look);
      now += LOOK_MS;
      return await start.round();
    },
    round: () => start.round(),
    wait: (ms: number) => {
      now += ms;
    },
    noteFetched: (rounds: readonly number[]) => start.noteFetched(rounds),
  };
}

Deno.test('a worker that has found no token searches the whole queue, without a look', async () => {
  const { asked, round, wait } = setUp();
  assert.equal(await round(), undefined);
  wait(10 * LOOK_MS);
  assert.equal(await round(), undefined);
  assert.deepEqual(asked, []);
});

Deno.test('a worker fetches from the next round that its preceding look found', async () => {
  const { asked, roundAfter } = setUp();
  assert.equal(await roundAfter({ firstRound: undefined, next: 10 }, [7, 9, 8]), undefined);
  assert.equal(await roundAfter({ firstRound: 30, next: 30 }, [12]), 10);
  assert.equal(await roundAfter({ firstRound: undefined, next: 41 }, [40]), 30);
  assert.deepEqual(asked, [9, 12, 40]);
});

Deno.test('a token before that round is fetched after the next look', async () => {
  const { roundAfter } = setUp();
  await roundAfter({ firstRound: undefined, next: 10 }, [9]);
  assert.equal(await roundAfter({ firstRound: 4, next: 20 }, [19]), 4);
});

Deno.test('a worker follows rounds that went back to 0', async () => {
  const { roundAfter } = setUp();
  await roundAfter({ firstRound: undefined, next: 2_000_000_000 }, [1_999_999_999]);
  assert.equal(await roundAfter({ firstRound: undefined, next: 0 }, [2_000_000_000]), 0);
});

Deno.test('a look serves the fetches of the next moments, and a quiet worker makes none', async () => {
  const { asked, noteFetched, round, roundAfter, wait } = setUp();
  await roundAfter({ firstRound: undefined, next: 10 }, [9]);
  await roundAfter({ firstRound: undefined, next: 20 }, [19]);
  noteFetched([20]);
  wait(LOOK_MS - 1);
  assert.equal(await round(), 10);
  assert.equal(asked.length, 2);

  await roundAfter({ firstRound: undefined, next: 21 }, []);
  wait(LOOK_MS);
  assert.equal(await round(), undefined);
  assert.equal(asked.length, 3);
});

Deno.test('a look that fails is repeated by the next fetch', async () => {
  const { asked, noteFetched, round, roundAfter, wait } = setUp();
  noteFetched([5]);
  wait(LOOK_MS);
  await assert.rejects(() => round());
  await roundAfter({ firstRound: undefined, next: 6 }, []);
  assert.deepEqual(asked, [5, 5]);
});
