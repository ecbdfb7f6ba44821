// Shares of a worker's capacity: a model of its fetches with steps that never end, for any number of apps.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { appsAtShare, reserveFor, reserveOf } from './shares.ts';

const inFlight = fc
  .array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.integer({ min: 1, max: 60 })))
  .map((entries) => new Map(entries));
const concurrency = fc.integer({ min: 1, max: 200 });

Deno.test('with n apps an app is at its share when one more app could have as many steps', () => {
  fc.assert(
    fc.property(inFlight, concurrency, (steps, capacity) => {
      const atShare = appsAtShare(steps, capacity);
      for (const [app, n] of steps) {
        assert.equal(atShare.includes(app), n * (steps.size + 1) >= capacity);
      }
      // Apps that use the whole capacity cannot all be below their share.
      const used = [...steps.values()].reduce((sum, n) => sum + n, 0);
      if (steps.size > 0 && used >= capacity) assert.ok(atShare.length > 0);
    }),
  );
});

/** Fetches until nothing can be fetched; no step ends. `waiting` is the queue, the oldest first. */
function fill(capacity: number, waiting: string[], steps: Map<string, number>): void {
  const used = () => [...steps.values()].reduce((sum, n) => sum + n, 0);
  const fetch = (limit: number, exceptApps: readonly string[] = []) => {
    let fetched = 0;
    for (let i = 0; i < waiting.length && fetched < limit; ) {
      const app = waiting[i] ?? '';
      if (exceptApps.includes(app)) i += 1;
      else {
        waiting.splice(i, 1);
        steps.set(app, (steps.get(app) ?? 0) + 1);
        fetched += 1;
      }
    }
    return fetched;
  };
  fetch(Math.max(0, capacity - used()));
  for (;;) {
    const { room, exceptApps } = reserveFor(capacity, used(), steps);
    if (fetch(room, exceptApps) === 0) return;
  }
}

Deno.test('apps with long steps leave room for apps that ask later', () => {
  const apps = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  const greedy = fc.array(fc.constantFrom(...apps), { minLength: 1, maxLength: 500 });
  fc.assert(
    fc.property(concurrency, greedy, fc.nat(20), (capacity, queue, late) => {
      const steps = new Map<string, number>();
      fill(capacity, [...queue], steps);
      const busy = steps.size;
      // Apps that ask when the others have all that they can get.
      const newcomers = Array.from({ length: late }, (_, i) => `late${i}`);
      fill(
        capacity,
        newcomers.flatMap((app) => [app, app, app]),
        steps,
      );
      const used = [...steps.values()].reduce((sum, n) => sum + n, 0);
      assert.ok(used <= capacity + reserveOf(capacity));
      // The last half of the reserve has room for one step of each.
      const sure = Math.ceil(reserveOf(capacity) / 2) - (busy - 1);
      const served = newcomers.filter((app) => steps.has(app)).length;
      assert.ok(served >= Math.min(late, sure), `${served} of ${late}, ${sure} for sure`);
    }),
    { numRuns: 500 },
  );
});

Deno.test('an app whose steps use all the capacity gets nothing of the reserve', () => {
  fc.assert(
    fc.property(concurrency, (capacity) => {
      const steps = new Map<string, number>();
      fill(
        capacity,
        Array.from({ length: 2 * capacity }, () => 'greedy'),
        steps,
      );
      assert.deepEqual([...steps], [['greedy', capacity]]);
    }),
  );
});
