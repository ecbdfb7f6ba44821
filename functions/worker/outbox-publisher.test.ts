// Outbox messages on their way to Redis: what was heard is confirmed, what was not waits, for a while.

import assert from 'node:assert/strict';
import type { OutboxMessage } from './engine/engine.ts';
import { createOutboxPublisher } from './outbox-publisher.ts';

const message = (outbox_id: number, age_ms = 0): OutboxMessage => ({
  outbox_id,
  app_code: 'acme',
  run_id: `r${outbox_id}`,
  event_type: 'run.changed',
  payload: {},
  age_ms,
});

function stage(heard: () => boolean | Promise<boolean>) {
  const published: string[][] = [];
  const confirmed: number[] = [];
  const relays: number[] = [];
  const clock = { now: 0 };
  const handover = createOutboxPublisher({
    publish(announcements) {
      published.push(announcements.map(({ runId }) => runId));
      return Promise.resolve(heard());
    },
    confirm(ids) {
      confirmed.push(...ids);
      return Promise.resolve();
    },
    relay: () => relays.push(0),
    later: (ms) => relays.push(ms),
    idle: () => undefined,
    onError: (_what, error) => assert.fail(String(error)),
    now: () => clock.now,
  });
  /** Lets everything that was begun come to its end. */
  async function settled(): Promise<void> {
    while (handover.busy) await Promise.resolve();
  }
  return { handover, published, confirmed, relays, clock, settled };
}

Deno.test('what was published is confirmed; a full batch is followed by the next', async () => {
  const s = stage(() => true);
  s.handover.take([message(1), message(2)], true);
  await s.settled();
  assert.deepEqual([s.published, s.confirmed, s.relays], [[['r1', 'r2']], [1, 2], [0]]);
  s.handover.take([message(3)], false);
  await s.settled();
  assert.deepEqual([s.confirmed, s.relays], [[1, 2, 3], [0]]);
});

Deno.test('what was not heard is published again, after a pause, and confirmed then', async () => {
  let isUp = false;
  const s = stage(() => isUp);
  s.handover.take([message(1)], false);
  await s.settled();
  assert.deepEqual([s.confirmed, s.relays], [[], [5_000]]);
  // Others make the relay run meanwhile: Redis is left alone, and one timer is enough.
  s.clock.now = 1_000;
  s.handover.take([message(1), message(2)], false);
  await s.settled();
  assert.deepEqual([s.published.length, s.confirmed, s.relays], [1, [], [5_000]]);
  isUp = true;
  s.clock.now = 5_000;
  s.handover.take([message(1), message(2)], false);
  await s.settled();
  assert.deepEqual(
    [s.published.at(-1), s.confirmed],
    [
      ['r1', 'r2'],
      [1, 2],
    ],
  );
});

Deno.test('a message that nobody could hear for a minute is let go, without asking Redis for each', async () => {
  const s = stage(() => false);
  s.handover.take([message(1, 61_000), message(2, 10)], true);
  await s.settled();
  s.handover.take([message(3, 60_000)], true);
  await s.settled();
  assert.deepEqual([s.published.length, s.confirmed], [1, [1, 3]]);
  assert.deepEqual(s.relays, [5_000, 0, 0]);
});

Deno.test('one batch is under way at a time; what came meanwhile is read again behind it', async () => {
  const answer = Promise.withResolvers<boolean>();
  const s = stage(() => answer.promise);
  s.handover.take([message(1)], false);
  s.handover.take([message(1), message(2)], false);
  assert.deepEqual([s.published.length, s.handover.busy], [1, true]);
  answer.resolve(true);
  await s.settled();
  assert.deepEqual([s.confirmed, s.relays], [[1], [0]]);
});
