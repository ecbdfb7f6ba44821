// The relay with a fake outbox: turns of the apps, and messages that raise an error or take too long.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type HandClock, handClock, settled } from '../_shared/clock/testing.ts';
import { Relay } from './relay.ts';

const TOO_LONG = Object.assign(new Error('canceling statement'), { code: '57014' });
const RAISED = Object.assign(new Error('division by zero'), { code: '22012' });
const AWAY = new Error('Connection terminated unexpectedly');

interface Message {
  app: string;
  error?: Error;
  /** How long a statement with this message takes. */
  ms?: number;
  attempts?: number;
}

/** An outbox in memory whose statements take the time of their slowest message. */
function setup(messages: Message[], clock: HandClock = handClock()) {
  const relayed: { app: string; at: number }[] = [];
  const quarantined: Message[] = [];
  const errors: string[] = [];
  const calls: { app: string; limit: number }[] = [];
  const after = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
  const relay = new Relay({
    engine: {
      readOutbox: (from) => {
        const apps = [...new Set(messages.map(({ app }) => app))].sort();
        const next = [...apps.filter((app) => app > from), ...apps.filter((app) => app <= from)];
        return Promise.resolve({ apps: next, messages: [], full: false });
      },
      relayTraced: () => Promise.reject(new Error('this worker exports no traces')),
      async relayApp(app, limit) {
        calls.push({ app, limit });
        const batch = messages.filter((message) => message.app === app).slice(0, limit);
        const ms = Math.max(0, ...batch.map((message) => message.ms ?? 0));
        if (ms > 0) await after(ms);
        const bad = batch.find(({ error }) => error);
        if (bad?.error) throw bad.error;
        for (const message of batch) {
          messages.splice(messages.indexOf(message), 1);
          relayed.push({ app, at: clock.now() });
        }
        return batch.length;
      },
      recordRelayFailure(app) {
        const message = messages.find((one) => one.app === app);
        if (!message) return Promise.resolve(undefined);
        message.attempts = (message.attempts ?? 0) + 1;
        if (message.attempts < 3) return Promise.resolve(undefined);
        messages.splice(messages.indexOf(message), 1);
        quarantined.push(message);
        return Promise.resolve('7');
      },
    },
    publisher: { publish: () => undefined },
    acceptsWork: () => true,
    later: (ms, action) => void clock.after(ms, action),
    onRelayed: () => undefined,
    onIdle: () => undefined,
    onError: (message) => errors.push(message),
  });
  return { relay, clock, relayed, quarantined, errors, calls, messages };
}

for (const [name, error, ms] of [
  ['raises an error', RAISED, 0],
  ['takes too long', TOO_LONG, 15_000],
] as const) {
  Deno.test(`a message that ${name} is quarantined, and costs only its app`, async () => {
    const s = setup([
      ...Array.from({ length: 5 }, () => ({ app: 'a' })),
      { app: 'a', error, ms },
      ...Array.from({ length: 5 }, () => ({ app: 'a' })),
      ...Array.from({ length: 50 }, (_, i) => ({ app: `b${i}` })),
    ]);
    s.relay.start();
    await settled();
    const others = () => s.relayed.filter(({ app }) => app !== 'a').length;
    assert.equal(others(), 50, 'the other apps do not wait');
    await s.clock.advance(300_000);
    assert.deepEqual([s.quarantined.length, s.messages.length], [1, 0]);
    assert.equal(s.relayed.length, 60, 'the other messages of the app are handled');
    assert.match(s.errors.at(-1) ?? '', /message 7 of a is quarantined/);
    // What arrives later finds the other lane free.
    assert.equal(s.relay.isBusy, false);
  });
}

Deno.test('messages that arrive while another app has a slow one are handled at once', async () => {
  const s = setup([{ app: 'slow', error: TOO_LONG, ms: 15_000 }]);
  s.relay.start();
  await settled();
  for (let second = 1; second <= 120; second += 1) {
    await s.clock.advance(1_000);
    s.messages.push({ app: `app${second % 7}` });
    s.relay.start();
    await settled();
    assert.equal(s.relayed.length, second, `second ${second}`);
  }
});

Deno.test('many apps with slow messages share one lane once they are known', async () => {
  const s = setup(
    Array.from({ length: 4 }, (_, i) => ({ app: `slow${i}`, error: TOO_LONG, ms: 15_000 })),
  );
  s.relay.start();
  await settled();
  // Each of them is found out once.
  await s.clock.advance(60_000);
  for (let i = 0; i < 100; i += 1) {
    s.messages.push({ app: 'fast' });
    s.relay.start();
    await settled();
    await s.clock.advance(500);
    assert.ok(s.relayed.length >= i, `message ${i}`);
  }
  await s.clock.advance(1_000_000);
  assert.equal(s.quarantined.length, 4);
});

Deno.test('a database that is away quarantines nothing', async () => {
  const message: Message = { app: 'a', error: AWAY };
  const s = setup([message]);
  s.relay.start();
  await settled();
  assert.equal(s.relay.hasPending, true);
  await s.clock.advance(10_000);
  delete message.error;
  await s.clock.advance(1_000);
  assert.deepEqual([s.quarantined, s.relayed.length], [[], 1]);
  assert.ok(s.calls.every(({ limit }) => limit > 1));
});

Deno.test('a search meanwhile does not end the pause of an app that failed', async () => {
  const s = setup([{ app: 'a', error: RAISED, ms: 100 }]);
  s.relay.start();
  await settled();
  await s.clock.advance(100);
  // The message is alone in its statement now.
  s.relay.start();
  await settled();
  await s.clock.advance(100);
  const calls = s.calls.length;
  assert.equal(s.calls.at(-1)?.limit, 1);
  await s.clock.advance(900);
  assert.equal(s.calls.length, calls);
  await s.clock.advance(200);
  assert.equal(s.calls.length, calls + 1);
});

Deno.test('with k apps no app waits for more than k turns of others', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 2, maxLength: 8 }),
      async (counts) => {
        const s = setup(
          counts.flatMap((count, i) => Array.from({ length: count }, () => ({ app: `a${i}` }))),
        );
        s.relay.start();
        await settled();
        assert.equal(s.messages.length, 0);
        const first = new Map<string, number>();
        for (const [turn, { app }] of s.calls.entries()) {
          if (!first.has(app)) first.set(app, turn);
        }
        assert.ok([...first.values()].every((turn) => turn <= counts.length));
      },
    ),
    { numRuns: 30 },
  );
});
