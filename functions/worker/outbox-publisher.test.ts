// Outbox messages for Redis: a published message is confirmed, any other is retried, for a minute.

import assert from 'node:assert/strict';
import type { OutboxMessage } from './engine/engine.ts';
import { OutboxPublisher } from './outbox-publisher.ts';

const message = (outbox_id: number, age_ms = 0): OutboxMessage => ({
  outbox_id,
  app_code: 'acme',
  run_id: `r${outbox_id}`,
  event_type: 'run.changed',
  payload: {},
  age_ms,
});

function setup(accepts: () => boolean | Promise<boolean>) {
  const published: string[][] = [];
  const confirmed: number[] = [];
  const relays: number[] = [];
  const clock = { now: 0 };
  const publisher = new OutboxPublisher({
    notify(notifications) {
      published.push(notifications.map(({ runId }) => runId));
      return Promise.resolve(accepts());
    },
    confirm(ids) {
      confirmed.push(...ids);
      return Promise.resolve();
    },
    relay: () => relays.push(0),
    later: (ms) => relays.push(ms),
    onIdle: () => undefined,
    onError: (_message, error) => assert.fail(String(error)),
    now: () => clock.now,
  });
  /** Resolves when nothing is being published. */
  async function settled(): Promise<void> {
    while (publisher.isBusy) await Promise.resolve();
  }
  return { publisher, published, confirmed, relays, clock, settled };
}

Deno.test('a published message is confirmed; after a full batch the outbox is read again', async () => {
  const s = setup(() => true);
  s.publisher.publish([message(1), message(2)], true);
  await s.settled();
  assert.deepEqual([s.published, s.confirmed, s.relays], [[['r1', 'r2']], [1, 2], [0]]);
  s.publisher.publish([message(3)], false);
  await s.settled();
  assert.deepEqual([s.confirmed, s.relays], [[1, 2, 3], [0]]);
});

Deno.test('a message that Redis did not accept is published again after a pause, then confirmed', async () => {
  let isUp = false;
  const s = setup(() => isUp);
  s.publisher.publish([message(1)], false);
  await s.settled();
  assert.deepEqual([s.confirmed, s.relays], [[], [5_000]]);
  // The relay runs meanwhile for other reasons: no call to Redis, and no second timer.
  s.clock.now = 1_000;
  s.publisher.publish([message(1), message(2)], false);
  await s.settled();
  assert.deepEqual([s.published.length, s.confirmed, s.relays], [1, [], [5_000]]);
  isUp = true;
  s.clock.now = 5_000;
  s.publisher.publish([message(1), message(2)], false);
  await s.settled();
  assert.deepEqual(
    [s.published.at(-1), s.confirmed],
    [
      ['r1', 'r2'],
      [1, 2],
    ],
  );
});

Deno.test('a message that could not be published for a minute is confirmed, without a call to Redis for each', async () => {
  const s = setup(() => false);
  s.publisher.publish([message(1, 61_000), message(2, 10)], true);
  await s.settled();
  s.publisher.publish([message(3, 60_000)], true);
  await s.settled();
  assert.deepEqual([s.published.length, s.confirmed], [1, [1, 3]]);
  assert.deepEqual(s.relays, [5_000, 0, 0]);
});

Deno.test('one batch is published at a time; messages that arrive meanwhile are read again after it', async () => {
  const response = Promise.withResolvers<boolean>();
  const s = setup(() => response.promise);
  s.publisher.publish([message(1)], false);
  s.publisher.publish([message(1), message(2)], false);
  assert.deepEqual([s.published.length, s.publisher.isBusy], [1, true]);
  response.resolve(true);
  await s.settled();
  assert.deepEqual([s.confirmed, s.relays], [[1], [0]]);
});
