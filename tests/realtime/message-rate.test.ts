// The rate limit of a hosted project, switched on: messages from the database above it are dropped, and a client that
// sends above it loses its channel with the hosted message.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { MessageRate } from '../../scripts/stack/realtime/message-rate.ts';
import { keys, type RealtimeApp, startRealtimeApp, subscribe, until } from './support.ts';

const LIMIT = 20;
/** The clock stands still until a test moves it on. */
let now = 1_000;
const nextSecond = () => {
  now += 1_000;
};

let app: RealtimeApp;
beforeAll(async () => {
  app = await startRealtimeApp({ rate: new MessageRate(LIMIT, () => now) });
});
afterAll(async () => await app.stop(), 30_000);

const send = (from: number, to: number) =>
  app.db.query(
    `select realtime.send(jsonb_build_object('n', n), 'count', 'rate', false) from generate_series($1::int, $2::int) as n`,
    [from, to],
  );

test('messages from the database above the limit are dropped; the next second has its own limit', async () => {
  const channel = (await app.client()).channel('rate');
  const received: number[] = [];
  channel.on('broadcast', { event: 'count' }, ({ payload }) => received.push(payload.n));
  await subscribe(channel);
  nextSecond();
  await send(1, 50);
  await until(() => received.length >= LIMIT, 'the messages below the limit');
  // The feed handles messages in order: the limit is used up, so these are dropped before the next second begins.
  const { status } = await fetch(`${app.url}/api/broadcast`, {
    method: 'POST',
    headers: { apikey: keys.secretKey, 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ topic: 'rate', event: 'other', payload: {} }] }),
  });
  expect(status).toBe(429);
  expect(received).toEqual(Array.from({ length: LIMIT }, (_, index) => index + 1));
});

test('a client that sends above the limit loses its channel', async () => {
  nextSecond();
  const channel = (await app.client()).channel('sender');
  const system: string[] = [];
  channel.on('system', {}, ({ status, message }) => {
    if (status === 'error') system.push(message);
  });
  await subscribe(channel);
  for (let index = 0; index <= LIMIT; index += 1) {
    await channel.send({ type: 'broadcast', event: 'flood', payload: { index } });
  }
  await until(() => system.length > 0, 'the reason');
  expect(system).toEqual(['Too many messages per second']);
  await until(() => channel.state === 'closed', 'the end of the channel');
});

test('without a limit every message is admitted', () => {
  const rate = new MessageRate(Number.POSITIVE_INFINITY, () => now);
  expect(rate.admits(1e9) && rate.admits(1e9)).toBe(true);
});
