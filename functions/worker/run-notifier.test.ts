// News of runs on its way to Redis: gathered, and told apart by whether Redis took it.

import assert from 'node:assert/strict';
import { systemClock } from '../_shared/clock/clock.ts';
import { createLog } from '../_shared/log/log.ts';
import { type Bus, openBus } from '../_shared/redis/bus.ts';
import { createRunNotifier } from './run-notifier.ts';

function stage(takes: (channel: string) => boolean) {
  const published: string[] = [];
  const bus: Bus = {
    ...openBus(undefined, createLog({ level: 'error', fields: {} })),
    configured: true,
    publish(channel) {
      published.push(channel);
      return Promise.resolve(takes(channel));
    },
  };
  return { announce: createRunNotifier(bus, systemClock), published };
}

const news = (...runIds: string[]) => runIds.map((runId) => ({ runId, event: 'run.changed' }));

Deno.test('news of one run within a moment is one message, and says that it was taken', async () => {
  const { announce, published } = stage(() => true);
  const answers = await Promise.all([announce(news('a', 'b')), announce(news('a'))]);
  assert.deepEqual(answers, [true, true]);
  assert.deepEqual(published, ['stepbase:run:a', 'stepbase:run:b']);
});

Deno.test('what Redis did not take is told; while it is away one call asks for all', async () => {
  let isUp = false;
  const { announce, published } = stage(() => isUp);
  assert.equal(await announce(news('a', 'b')), false);
  assert.equal(await announce(news('a', 'b', 'c')), false);
  assert.equal(published.length, 3);
  isUp = true;
  assert.equal(await announce(news('a', 'b', 'c')), true);
  assert.deepEqual(
    published.slice(3).sort(),
    ['a', 'b', 'c'].map((id) => `stepbase:run:${id}`),
  );
});

Deno.test('a cancellation that workers did not hear is not taken', async () => {
  const { announce } = stage((channel) => channel !== 'stepbase:wake');
  assert.equal(await announce([{ runId: 'a', event: 'run.cancel' }]), false);
  assert.equal(await announce(news('a')), true);
});

Deno.test('without Redis there is nobody to tell', async () => {
  const bus = openBus(undefined, createLog({ level: 'error', fields: {} }));
  assert.equal(await createRunNotifier(bus, systemClock)(news('a')), true);
});
