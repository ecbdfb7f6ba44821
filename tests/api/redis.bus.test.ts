// Redis as the functions use it: messages arrive while it is available; its loss is detected, logged once and
// survived.
import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../functions/_shared/clock/clock.ts';
import { createLog } from '../../functions/_shared/log/log.ts';
import { type Bus, openBus } from '../../functions/_shared/redis/bus.ts';
import { findFreePorts } from '../../scripts/stack/ports.ts';
import { startUpstash } from '../../scripts/stack/upstash/server.ts';
import { waitFor } from '../support/stack.ts';

const TOKEN = 'token of the bus tests';
const running: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop();
});

async function startRedis(port = 0) {
  const redis = await startUpstash({ port, token: TOKEN });
  running.push(() => redis.stop());
  return redis;
}

function open(url: string): { bus: Bus; lines: string[] } {
  const lines: string[] = [];
  const log = createLog({ level: 'info', write: (line) => lines.push(line) });
  const bus = openBus({ url, token: TOKEN }, log, systemClock);
  running.push(() => bus.close());
  return { bus, lines };
}

const isLive = (subscription: { live: boolean }) =>
  waitFor('the subscription is live', () => subscription.live);

describe('the bus', () => {
  it('delivers a message to every listener of its channel, and to no other', async () => {
    const { url } = await startRedis();
    const { bus } = open(url);
    const channel = `test:${randomUUID()}`;
    const heard: unknown[] = [];
    const first = bus.subscribe(channel, (message) => heard.push(['first', message]));
    const second = bus.subscribe(channel, (message) => heard.push(['second', message]));
    const other = bus.subscribe(`${channel}:other`, (message) => heard.push(['other', message]));
    await Promise.all([first, second, other].map(isLive));
    expect(await bus.publish(channel, { seq: 7, text: 'a,b' })).toBe(true);
    await waitFor('two messages arrive', () => heard.length === 2);
    const message = { seq: 7, text: 'a,b' };
    expect(heard).toEqual([
      ['first', message],
      ['second', message],
    ]);
    first.close();
    await bus.publish(channel, 'plain');
    await waitFor('three messages arrive', () => heard.length === 3);
    expect(heard.at(-1)).toEqual(['second', 'plain']);
  });

  it('continues after a listener has thrown', async () => {
    const { url } = await startRedis();
    const { bus, lines } = open(url);
    const heard: unknown[] = [];
    bus.subscribe('c', () => {
      throw new Error('thrown by the test');
    });
    const good = bus.subscribe('c', (message) => heard.push(message));
    await isLive(good);
    await bus.publish('c', 1);
    await waitFor('one message arrives', () => heard.length === 1);
    expect(good.live).toBe(true);
    expect(bus.failures).toBe(0);
    expect(lines.join()).toContain('thrown by the test');
  });

  it('detects the loss, logs it once, and subscribes again when Redis is back', async () => {
    const port = await findFreePorts();
    const redis = await startUpstash({ port, token: TOKEN });
    const { bus, lines } = open(redis.url);
    let stood = 0;
    const subscription = bus.subscribe(
      'c',
      () => undefined,
      () => {
        stood += 1;
      },
    );
    await isLive(subscription);
    await redis.stop();
    await waitFor('the loss is detected', () => !subscription.live);
    expect(await bus.publish('c', 1)).toBe(false);
    expect(await bus.publish('c', 2)).toBe(false);
    await expect(bus.ping()).rejects.toThrow();
    expect(bus.failures).toBeGreaterThanOrEqual(3);
    expect(lines.filter((line) => line.includes('Redis does not respond'))).toHaveLength(1);

    await startRedis(port);
    await isLive(subscription);
    expect(stood).toBe(2);
    expect(lines.filter((line) => line.includes('Redis responds again'))).toHaveLength(1);
    await bus.ping();
  });

  it('has the same interface without configuration', async () => {
    const bus = openBus(undefined, createLog({ level: 'error' }), systemClock);
    expect(bus.configured).toBe(false);
    expect(await bus.publish('c', 1)).toBe(false);
    await bus.ping();
    const subscription = bus.subscribe('c', () => undefined);
    expect(subscription.live).toBe(false);
    subscription.close();
    bus.close();
  });
});
