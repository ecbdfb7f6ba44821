// Notifications of runs over Redis: gathered, and reported as accepted or not.

import assert from 'node:assert/strict';
import { systemClock } from '../_shared/clock/clock.ts';
import { createLog } from '../_shared/log/log.ts';
import { type Bus, openBus } from '../_shared/redis/bus.ts';
import { createRunNotifier } from './run-notifier.ts';

function setup(accepts: (channel: string) => boolean) {
  const published: string[] = [];
  const bus: Bus = {
    ...openBus(undefined, createLog({ level: 'error' }), systemClock),
    configured: true,
    publish(channel) {
      published.push(channel);
      return Promise.resolve(accepts(channel));
    },
  };
  return { notify: createRunNotifier(bus, systemClock), published };
}

const changes = (...runIds: string[]) => runIds.map((runId) => ({ runId, event: 'run.changed' }));

Deno.test('notifications of one run within 25 ms are one message, reported as accepted', async () => {
  const { notify, published } = setup(() => true);
  const accepted = await Promise.all([notify(changes('a', 'b')), notify(changes('a'))]);
  assert.deepEqual(accepted, [true, true]);
  assert.deepEqual(published, ['stepbase:run:a', 'stepbase:run:b']);
});

Deno.test('a rejected notification is reported; while Redis is unavailable, one call probes for all of them', async () => {
  let isUp = false;
  const { notify, published } = setup(() => isUp);
  assert.equal(await notify(changes('a', 'b')), false);
  assert.equal(await notify(changes('a', 'b', 'c')), false);
  assert.equal(published.length, 3);
  isUp = true;
  assert.equal(await notify(changes('a', 'b', 'c')), true);
  assert.deepEqual(
    published.slice(3).sort(),
    ['a', 'b', 'c'].map((id) => `stepbase:run:${id}`),
  );
});

Deno.test('a cancellation that did not reach the workers is reported as not accepted', async () => {
  const { notify } = setup((channel) => channel !== 'stepbase:wake');
  assert.equal(await notify([{ runId: 'a', event: 'run.cancel' }]), false);
  assert.equal(await notify(changes('a')), true);
});

Deno.test('without Redis every notification counts as accepted', async () => {
  const bus = openBus(undefined, createLog({ level: 'error' }), systemClock);
  assert.equal(await createRunNotifier(bus, systemClock)(changes('a')), true);
});
