// The Upstash REST protocol with the unmodified SDKs. The suite runs against the in-memory Redis, and also against a
// real one if REDIS_URL names it.

import { randomUUID } from 'node:crypto';
import { Ratelimit } from '@upstash/ratelimit';
import { Redis } from '@upstash/redis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startUpstash, type Upstash } from '../../scripts/stack/upstash/server.ts';
import { scaled } from '../support/time.ts';

const token = 'token-of-the-tests';

const backends: [string, string | undefined][] = [['in memory', undefined]];
if (process.env.REDIS_URL) backends.push(['a real Redis', process.env.REDIS_URL]);

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + scaled(5_000);
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe.each(backends)('Upstash REST over %s', (_name, redisUrl) => {
  let upstash: Upstash;
  let redis: Redis;
  const prefix = `test:${randomUUID()}`;
  const key = (name: string) => `${prefix}:${name}`;

  beforeAll(async () => {
    upstash = await startUpstash({ port: 0, token, ...(redisUrl ? { redisUrl } : {}) });
    redis = new Redis({ url: upstash.url, token, enableTelemetry: false, retry: false });
  });
  afterAll(async () => {
    const keys = await redis.keys(`${prefix}*`);
    if (keys.length > 0) await redis.del(...keys);
    await upstash.stop();
  });

  test('supports strings and JSON', async () => {
    expect(await redis.ping()).toBe('PONG');
    expect(await redis.set(key('s'), { deep: ['ä', 1, null] })).toBe('OK');
    expect(await redis.get(key('s'))).toEqual({ deep: ['ä', 1, null] });
    expect(await redis.get(key('none'))).toBeNull();
    expect(await redis.set(key('s'), 'x', { nx: true })).toBeNull();
    expect(await redis.set(key('ok'), 'OK')).toBe('OK');
    expect(await redis.get(key('ok'))).toBe('OK');
    expect(await redis.incrby(key('n'), 41)).toBe(41);
    expect(await redis.incr(key('n'))).toBe(42);
    expect(await redis.mget(key('n'), key('none'))).toEqual([42, null]);
    expect(await redis.del(key('n'), key('none'))).toBe(1);
  });

  test('supports expiry', async () => {
    await redis.set(key('e'), 1, { px: 60 });
    expect(await redis.pttl(key('e'))).toBeGreaterThan(0);
    await redis.set(key('e2'), 1);
    expect(await redis.expire(key('e2'), 100)).toBe(1);
    expect(await redis.ttl(key('e2'))).toBeGreaterThan(90);
    expect(await redis.persist(key('e2'))).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(await redis.exists(key('e'))).toBe(0);
  });

  test('supports hashes, lists, sets and sorted sets', async () => {
    expect(await redis.hset(key('h'), { '2': 'two', '1': 'one', n: 3 })).toBe(3);
    expect(await redis.hgetall(key('h'))).toEqual({ '1': 'one', '2': 'two', n: 3 });
    expect(await redis.hincrby(key('h'), 'n', 2)).toBe(5);
    expect(await redis.rpush(key('l'), 'a', 'b', 'c')).toBe(3);
    expect(await redis.lrange(key('l'), 0, -1)).toEqual(['a', 'b', 'c']);
    expect(await redis.lpop(key('l'))).toBe('a');
    expect(await redis.sadd(key('set'), 'a', 'b', 'a')).toBe(2);
    expect((await redis.smembers(key('set'))).sort()).toEqual(['a', 'b']);
    expect(await redis.zadd(key('z'), { score: 1.5, member: 'm' }, { score: 1, member: 'n' })).toBe(
      2,
    );
    expect(await redis.zrange(key('z'), 0, -1, { withScores: true })).toEqual(['n', 1, 'm', 1.5]);
    expect(await redis.zscore(key('z'), 'm')).toBe(1.5);
  });

  test('supports streams', async () => {
    const id = await redis.xadd(key('x'), '*', { field: 'value' });
    expect(await redis.xrange(key('x'), '-', '+')).toEqual({ [id]: { field: 'value' } });
    expect(await redis.xlen(key('x'))).toBe(1);
  });

  test('responds to each command of a pipeline, and runs a transaction as one', async () => {
    const pipeline = redis.pipeline();
    pipeline.set(key('p'), 1);
    pipeline.incr(key('p'));
    pipeline.lpush(key('p'), 'wrong type');
    pipeline.get(key('p'));
    const replies = await pipeline.exec({ keepErrors: true });
    expect(replies.map(({ result }) => result)).toEqual(['OK', 2, undefined, 2]);
    expect(replies[2]?.error).toMatch(/WRONGTYPE/);

    const counter = key('tx');
    const transactions = Array.from({ length: 20 }, async () => {
      const transaction = redis.multi();
      transaction.incr(counter);
      transaction.incr(counter);
      return await transaction.exec<[number, number]>();
    });
    for (const [first, second] of await Promise.all(transactions)) expect(second).toBe(first + 1);
    expect(await redis.get(counter)).toBe(40);
  });

  test('supports automatic pipelining', async () => {
    const auto = new Redis({ url: upstash.url, token, enableAutoPipelining: true });
    expect(
      await Promise.all([
        auto.set(key('auto'), 'a'),
        auto.append(key('auto'), 'b'),
        auto.strlen(key('auto')),
      ]),
    ).toEqual(['OK', 2, expect.any(Number)]);
  });

  test('supports Lua: EVAL, EVALSHA, SCRIPT, and Upstash’s own script flags', async () => {
    const script = 'return {KEYS[1], ARGV[1], redis.call("INCR", KEYS[1])}';
    expect(await redis.eval(script, [key('lua')], ['x'])).toEqual([key('lua'), 'x', 1]);
    const sha = await redis.scriptLoad(script);
    expect(await redis.evalsha(sha, [key('lua')], ['y'])).toEqual([key('lua'), 'y', 2]);
    await expect(redis.evalsha('0'.repeat(40), [], [])).rejects.toThrow(/NOSCRIPT/);
    await expect(redis.eval('return redis.call("NOPE")', [], [])).rejects.toThrow();
    const flagged = `#!lua flags=allow-key-locking\nreturn "flagged"`;
    const flaggedSha = await redis.scriptLoad(flagged);
    expect(flaggedSha).toBe(await sha1(flagged));
    expect(await redis.evalsha(flaggedSha, [], [])).toBe('flagged');
    expect(await redis.createScript(flagged).exec([], [])).toBe('flagged');
  });

  test('supports publish and subscribe', async () => {
    const messages: unknown[] = [];
    const subscription = redis.subscribe<{ seq: number }>(key('channel:1'));
    let subscribed = false;
    subscription.on('subscribe', () => {
      subscribed = true;
    });
    subscription.on('message', ({ message }) => messages.push(message));
    await until(() => subscribed, 'the client is subscribed');
    for (let seq = 1; seq <= 100; seq += 1) {
      expect(await redis.publish(key('channel:1'), { seq })).toBe(1);
    }
    await redis.publish(key('channel:2'), { seq: 0 });
    await until(() => messages.length === 100, 'all messages arrive');
    expect(messages).toEqual(Array.from({ length: 100 }, (_, index) => ({ seq: index + 1 })));

    const patterns: unknown[] = [];
    const byPattern = redis.psubscribe<string>(key('channel:*'));
    let ready = false;
    byPattern.on('psubscribe', () => {
      ready = true;
    });
    byPattern.on('pmessage', (message) => patterns.push(message));
    await until(() => ready, 'the client is subscribed by pattern');
    expect(await redis.publish(key('channel:2'), '"x"')).toBe(1);
    await until(() => patterns.length === 1, 'the message arrives');
    expect(patterns[0]).toEqual({
      pattern: key('channel:*'),
      channel: key('channel:2'),
      message: 'x',
    });
    await subscription.unsubscribe();
    await byPattern.unsubscribe();
    const deadline = Date.now() + scaled(5_000);
    while ((await redis.publish(key('channel:1'), 'nobody')) > 0 && Date.now() < deadline);
    expect(await redis.publish(key('channel:1'), 'nobody')).toBe(0);
  });

  test.each([
    ['fixed window', Ratelimit.fixedWindow(3, '10 s')],
    ['sliding window', Ratelimit.slidingWindow(3, '10 s')],
    ['token bucket', Ratelimit.tokenBucket(3, '10 s', 3)],
  ])('@upstash/ratelimit: %s', async (name, limiter) => {
    const ratelimit = new Ratelimit({ redis, limiter, prefix: key(`rl:${name}`), timeout: 0 });
    const verdicts: boolean[] = [];
    for (let attempt = 0; attempt < 5; attempt += 1) {
      verdicts.push((await ratelimit.limit('someone')).success);
    }
    expect(verdicts).toEqual([true, true, true, false, false]);
    expect((await ratelimit.limit('someone else')).remaining).toBe(2);
    expect((await ratelimit.getRemaining('someone')).remaining).toBe(0);
    await ratelimit.resetUsedTokens('someone');
    expect((await ratelimit.limit('someone')).success).toBe(true);
  });

  test('accepts commands in the path and values in the body', async () => {
    const headers = { authorization: `Bearer ${token}` };
    const call = async (path: string, init: RequestInit = {}) =>
      await (await fetch(`${upstash.url}${path}`, { headers, ...init })).json();
    const name = encodeURIComponent(key('path/1'));
    expect(await call(`/set/${name}/a%20b`)).toEqual({ result: 'OK' });
    expect(await call(`/get/${name}`)).toEqual({ result: 'a b' });
    const body = { method: 'POST', body: '{"json":true}' };
    expect(await call(`/set/${name}?EX=100`, body)).toEqual({ result: 'OK' });
    expect(await call(`/get/${name}`)).toEqual({ result: '{"json":true}' });
    expect(await call(`/ttl/${name}`)).toEqual({ result: 100 });
    expect(await call(`/get/${name}?_token=${token}`, { headers: {} })).toHaveProperty('result');
    const encoded = { headers: { ...headers, 'upstash-encoding': 'base64' } };
    expect(await call(`/get/${name}`, encoded)).toEqual({ result: btoa('{"json":true}') });
  });

  test('refuses invalid requests with the errors of Upstash', async () => {
    const post = async (path: string, body: string, bearer = token) => {
      const response = await fetch(`${upstash.url}${path}`, {
        method: 'POST',
        body,
        headers: { authorization: `Bearer ${bearer}` },
      });
      return [response.status, await response.json()];
    };
    expect(await post('/', '["GET","a"]', 'wrong')).toEqual([401, { error: 'Unauthorized' }]);
    expect(await post('/', '{"a":1}')).toEqual([400, { error: 'ERR empty command' }]);
    expect(await post('/', 'nonsense')).toEqual([400, { error: 'ERR failed to parse command' }]);
    expect(await post('/', '["MONITOR"]')).toEqual([
      400,
      { error: "ERR Command is not available: 'MONITOR'" },
    ]);
    expect(await post('/', '["NOSUCH"]')).toEqual([
      400,
      { error: expect.stringMatching(/ERR unknown command/) },
    ]);
    expect(await post('/', '["GET"]')).toEqual([
      400,
      { error: expect.stringMatching(/wrong number of arguments/) },
    ]);
    expect(await post('/multi-exec', '[["INCR","a"],["GET"]]')).toEqual([
      400,
      { error: expect.stringMatching(/EXECABORT|wrong number of arguments/) },
    ]);
    const large = JSON.stringify(['SET', key('large'), 'x'.repeat(1024 * 1024)]);
    expect(await post('/', large)).toEqual([413, { error: 'ERR max request size exceeded' }]);
  });
});

async function sha1(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-1', new TextEncoder().encode(text));
  return Buffer.from(digest).toString('hex');
}
