// The watcher of the demo on a real stack: every event once and in order, also after a lost connection.

import { afterAll, expect, test } from 'vitest';
import { Member } from '../../scripts/demo/member.ts';
import { RunWatcher, type WatchedEvent } from '../../scripts/demo/watcher.ts';
import { startShop } from '../../scripts/fakes/shop.ts';
import { startWebhookReceiver } from '../../scripts/fakes/webhooks.ts';
import { seedUser, stackInfo } from '../support/stack.ts';

const never = new AbortController().signal;
const shop = await startShop(200);
const webhooks = await startWebhookReceiver();
const members: Member[] = [];
afterAll(async () => {
  await Promise.all([...members.map((member) => member.leave()), shop.stop(), webhooks.stop()]);
});

async function member(person: 'admin@acme' | 'developer@acme' | 'admin@globex'): Promise<Member> {
  const made = await Member.signIn(stackInfo(), seedUser(person));
  members.push(made);
  return made;
}

const input = { shop_url: shop.url, order_id: '1002', webhook_url: webhooks.url };

/** Watches a refund from its start, runs `meanwhile`, approves the refund, and waits for its end. */
async function refund(
  admin: Member,
  watching: Member,
  meanwhile: () => unknown = () => undefined,
): Promise<{ runId: string; seen: WatchedEvent[] }> {
  const developer = await member('developer@acme');
  const seen: WatchedEvent[] = [];
  const runId = await admin.startRun('refund-approval', input);
  const watcher = new RunWatcher(watching, runId, (event) => seen.push(event));
  await watcher.join();
  await watcher.until((event) => event.type === 'task.created', 20_000, never);
  await meanwhile();
  const task = await developer.openTask(runId);
  await developer.decide(task.id, true, 'yes');
  await watcher.ended(20_000, never);
  await watcher.leave();
  return { runId, seen };
}

function numbers(events: readonly WatchedEvent[]): number[] {
  return events.map((event) => event.seq);
}

test('events arrive live, once and in order', async () => {
  const admin = await member('admin@acme');
  const { runId, seen } = await refund(admin, admin);
  expect(numbers(seen)).toEqual(seen.map((_, at) => at + 1));
  expect(seen.some((event) => event.live)).toBe(true);
  expect(seen.at(-1)?.type).toBe('run.completed');
  expect((await admin.run(runId)).event_seq).toBe(seen.length);
});

test('events that were missed during a disconnection are read', async () => {
  const admin = await member('admin@acme');
  const { seen } = await refund(admin, admin, () => admin.client.realtime.disconnect());
  expect(numbers(seen)).toEqual(seen.map((_, at) => at + 1));
  expect(seen.at(-1)).toMatchObject({ type: 'run.completed', live: false });
});

test('a message that arrives before its rows are visible is reported after them', async () => {
  const admin = await member('admin@acme');
  let hidden = 2;
  const late = new Proxy(admin, {
    get(target, key) {
      if (key === 'eventsAfter' && hidden > 0) {
        hidden -= 1;
        return () => Promise.resolve([]);
      }
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const { seen } = await refund(admin, late);
  expect(hidden).toBe(0);
  expect(numbers(seen)).toEqual(seen.map((_, at) => at + 1));
});

test('a run that ended before the channel was joined is reported from its first event', async () => {
  const admin = await member('admin@acme');
  const runId = await admin.startRun('refund-approval', { ...input, order_id: 'unknown' });
  const first = new RunWatcher(admin, runId, () => undefined);
  await first.join();
  expect((await first.ended(20_000, never)).type).toBe('run.failed');
  await first.leave();
  const seen: WatchedEvent[] = [];
  const late = new RunWatcher(admin, runId, (event) => seen.push(event));
  await late.join();
  await late.ended(5_000, never);
  await late.leave();
  expect(seen[0]).toMatchObject({ seq: 1, type: 'run.created', live: false });
});

test('another application cannot watch a run', async () => {
  const [admin, stranger] = [await member('admin@acme'), await member('admin@globex')];
  const runId = await admin.startRun('refund-approval', { ...input, order_id: 'unknown' });
  const watcher = new RunWatcher(stranger, runId, () => undefined);
  await expect(watcher.join()).rejects.toThrow(/refused/);
  await watcher.leave();
});
