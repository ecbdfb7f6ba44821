// The fair queue: properties for any number of apps and items.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FairQueue } from './fair-queue.ts';

const apps = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 200 });

Deno.test('with k apps in the queue, no app waits for more than k - 1 items of others', () => {
  fc.assert(
    fc.property(apps, (added) => {
      const queue = new FairQueue<number>();
      for (const [index, app] of added.entries()) queue.add(app, index);
      const waits = new Map<string, number>();
      for (let next = queue.take(); next; next = queue.take()) {
        const present = queue.apps + (queue.has(next.app) ? 0 : 1);
        for (const app of new Set(added)) {
          if (queue.has(app) && app !== next.app) waits.set(app, (waits.get(app) ?? 0) + 1);
        }
        assert.ok((waits.get(next.app) ?? 0) <= new Set(added).size - 1, `${present} apps`);
        waits.set(next.app, 0);
      }
    }),
  );
});

Deno.test('the items of an app keep their order, and none is lost or taken twice', () => {
  fc.assert(
    fc.property(apps, fc.nat(3), (added, removed) => {
      const queue = new FairQueue<number>();
      for (const [index, app] of added.entries()) queue.add(app, index);
      const gone = queue.remove((index) => index % 4 === removed);
      const taken: { app: string; item: number }[] = [];
      for (let next = queue.take(); next; next = queue.take()) taken.push(next);
      assert.deepEqual([queue.size, queue.apps], [0, 0]);
      for (const app of new Set(added)) {
        const items = taken.filter((one) => one.app === app).map(({ item }) => item);
        assert.deepEqual(
          items,
          added.flatMap((name, index) => (name === app && index % 4 !== removed ? [index] : [])),
        );
      }
      assert.equal(taken.length + gone.length, added.length);
    }),
  );
});

Deno.test('an app that may not be taken is passed over and keeps its turn', () => {
  const queue = new FairQueue<number>();
  for (const [index, app] of ['a', 'a', 'b', 'b', 'c'].entries()) queue.add(app, index);
  assert.equal(queue.take((app) => app !== 'a')?.app, 'b');
  assert.equal(queue.take()?.app, 'a');
  assert.equal(
    queue.take((app) => app === 'x'),
    undefined,
  );
});
