// The in-memory Redis stays within its memory limit, and a subscriber that does not read is disconnected.

import { Redis } from '@upstash/redis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startUpstash, type Upstash } from '../../scripts/stack/upstash/server.ts';
import { scaled } from '../support/time.ts';

const LIMIT_10_S = scaled(10_000);
const LIMIT_20_S = scaled(20_000);

const token = 'token-of-the-tests';

describe('bounds', () => {
  let upstash: Upstash;
  let redis: Redis;
  beforeAll(async () => {
    upstash = await startUpstash({ port: 0, token, memoryBytes: 1_000_000 });
    redis = new Redis({ url: upstash.url, token, enableTelemetry: false, retry: false });
  });
  afterAll(async () => await upstash.stop());

  test('a full memory refuses writes, still allows reads, and accepts writes again when there is room', async () => {
    const value = 'x'.repeat(100_000);
    const write = async () => {
      for (let index = 0; index < 20; index += 1) await redis.rpush('list', value);
    };
    await expect(write()).rejects.toThrow(/OOM command not allowed/);
    const length = await redis.llen('list');
    expect(length).toBeGreaterThan(5);
    expect(length).toBeLessThanOrEqual(10);
    await redis.del('list');
    // Measured at most once a second.
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect(await redis.rpush('list', value)).toBe(1);
  });

  test('overwriting a key does not use more memory', async () => {
    const value = 'x'.repeat(100_000);
    for (let index = 0; index < 8; index += 1) await redis.set('one', value);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    for (let index = 0; index < 5; index += 1) expect(await redis.set('one', value)).toBe('OK');
  });

  test('a subscriber that does not read is disconnected', { timeout: LIMIT_20_S }, async () => {
    const response = await fetch(`${upstash.url}/subscribe/flood`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const message = 'x'.repeat(500_000);
    let receivers = 1;
    for (let index = 0; index < 100 && receivers > 0; index += 1) {
      receivers = await redis.publish('flood', message);
    }
    expect(receivers).toBe(0);
    await expect(response.text()).rejects.toThrow();
  });

  test('a taken port and an unreachable Redis are errors', {
    timeout: LIMIT_10_S,
  }, async () => {
    const port = Number(new URL(upstash.url).port);
    await expect(startUpstash({ port, token })).rejects.toThrow(/EADDRINUSE/);
    const redisUrl = 'redis://127.0.0.1:1';
    await expect(startUpstash({ port: 0, token, redisUrl })).rejects.toThrow();
  });
});
