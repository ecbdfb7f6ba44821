// Public channels: presence, broadcasts between clients, broadcasts over HTTP, both protocols.

import { createClient } from '@supabase/supabase-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket as WsSocket } from 'ws';
import { scaled } from '../support/time.ts';
import { keys, pause, type RealtimeApp, startRealtimeApp, subscribe, until } from './support.ts';

const LIMIT_30_S = scaled(30_000);

describe('public channels', () => {
  let app: RealtimeApp;
  beforeAll(async () => {
    app = await startRealtimeApp();
  });
  afterAll(async () => await app.stop(), 30_000);

  test('presence sends the state on join, then joins, updates and leaves', async () => {
    const one = (await app.client()).channel('room', { config: { presence: { key: 'one' } } });
    const two = (await app.client()).channel('room', { config: { presence: { key: 'two' } } });
    const events: string[] = [];
    one.on('presence', { event: 'join' }, ({ key }) => events.push(`join ${key}`));
    one.on('presence', { event: 'leave' }, ({ key }) => events.push(`leave ${key}`));
    two.on('presence', { event: 'sync' }, () => undefined);
    await subscribe(one);
    expect(await one.track({ at: 'start' })).toBe('ok');
    await subscribe(two);
    await until(() => Object.keys(two.presenceState()).length === 1, 'two sees one');
    expect(await two.track({ at: 'end' })).toBe('ok');
    await until(() => Object.keys(one.presenceState()).length === 2, 'one sees two');
    expect(one.presenceState()).toEqual({
      one: [{ at: 'start', presence_ref: expect.any(String) }],
      two: [{ at: 'end', presence_ref: expect.any(String) }],
    });
    await two.track({ at: 'middle' });
    await until(() => {
      const state = one.presenceState<{ at: string }>();
      return state.two?.length === 1 && state.two[0]?.at === 'middle';
    }, 'one sees the update');
    await two.untrack();
    await until(() => !('two' in one.presenceState()), 'one sees two leave');
    await two.track({ at: 'again' });
    await until(() => 'two' in one.presenceState(), 'one sees two again');
    await two.unsubscribe();
    await until(() => !('two' in one.presenceState()), 'one sees two leave');
    expect(events.filter((event) => event === 'join one')).toHaveLength(1);
    expect(events.at(-1)).toBe('leave two');
  });

  test('a broadcast goes to the other clients, and on request to the sender and with an acknowledgement', async () => {
    const quiet = (await app.client()).channel('talk', {
      config: { broadcast: { ack: true, self: false } },
    });
    const old = createClient(app.url, keys.publishableKey, {
      auth: { persistSession: false },
      realtime: { vsn: '1.0.0' },
    });
    const other = old.channel('talk', { config: { broadcast: { ack: true } } });
    const heard: Record<string, unknown[]> = { quiet: [], other: [] };
    quiet.on('broadcast', { event: '*' }, ({ payload }) => heard.quiet?.push(payload));
    other.on('broadcast', { event: '*' }, ({ payload }) => heard.other?.push(payload));
    await subscribe(quiet);
    await subscribe(other);
    expect(await quiet.send({ type: 'broadcast', event: 'a', payload: { n: 1 } })).toBe('ok');
    expect(await other.send({ type: 'broadcast', event: 'b', payload: { n: 2 } })).toBe('ok');
    await until(() => heard.other?.length === 1 && heard.quiet?.length === 1, 'both receive it');
    await pause(100);
    expect(heard).toEqual({ quiet: [{ n: 2 }], other: [{ n: 1 }] });
    await old.removeAllChannels();
  });

  test('a broadcast can have a binary payload', async () => {
    const sender = (await app.client()).channel('bytes');
    const receiver = (await app.client()).channel('bytes');
    const got: ArrayBuffer[] = [];
    receiver.on('broadcast', { event: 'b' }, ({ payload }) => got.push(payload));
    await Promise.all([subscribe(sender), subscribe(receiver)]);
    const bytes = new Uint8Array([1, 2, 250]).buffer;
    await sender.send({ type: 'broadcast', event: 'b', payload: bytes });
    await until(() => got.length === 1, 'the bytes arrive');
    expect(new Uint8Array(got[0] ?? new ArrayBuffer(0))).toEqual(new Uint8Array([1, 2, 250]));
  });

  test('messages over HTTP reach the channel, alone or in a batch', async () => {
    const client = await app.client();
    const channel = client.channel('http:room/1');
    const got: unknown[] = [];
    channel.on('broadcast', { event: '*' }, ({ event, payload }) => got.push([event, payload]));
    await subscribe(channel);
    const sender = (await app.client()).channel('http:room/1');
    expect(await sender.httpSend('one', { n: 1 })).toEqual({ success: true });
    const batch = await fetch(`${app.url}/realtime/v1/api/broadcast`, {
      method: 'POST',
      headers: { apikey: keys.publishableKey, 'content-type': 'application/json' },
      body: JSON.stringify({
        messages: [
          { topic: 'http:room/1', event: 'two', payload: { n: 2 } },
          // Not allowed without an insert policy; dropped without an error.
          { topic: 'http:room/1', event: 'secret', payload: { n: 3 }, private: true },
        ],
      }),
    });
    expect(batch.status).toBe(202);
    await until(() => got.length === 2, 'both messages arrive');
    expect(got).toEqual([
      ['one', { n: 1 }],
      ['two', { n: 2 }],
    ]);
    const secret = (await app.client()).channel('http:room/1', { config: { private: true } });
    await expect(secret.httpSend('x', {})).rejects.toThrow('Unauthorized');
    const invalid = await fetch(`${app.url}/realtime/v1/api/broadcast`, {
      method: 'POST',
      headers: { apikey: keys.publishableKey, 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ topic: 'x' }] }),
    });
    expect(invalid.status).toBe(422);
  });

  test('a private and a public topic with the same name are separate', async () => {
    const open = (await app.client()).channel('same');
    const closed = (await app.client({ key: keys.secretKey })).channel('same', {
      config: { private: true, broadcast: { ack: true } },
    });
    const got: unknown[] = [];
    open.on('broadcast', { event: '*' }, (message) => got.push(message));
    await Promise.all([subscribe(open), subscribe(closed)]);
    expect(await closed.send({ type: 'broadcast', event: 'x', payload: {} })).toBe('ok');
    await pause(150);
    expect(got).toEqual([]);
  });

  test('a client that stops reading is disconnected, and the others continue', {
    timeout: LIMIT_30_S,
  }, async () => {
    const address = `${app.url.replace('http', 'ws')}/realtime/v1/websocket`;
    const slow = new WsSocket(`${address}?apikey=${keys.publishableKey}&vsn=2.0.0`);
    await new Promise((resolve) => slow.once('open', resolve));
    slow.send(JSON.stringify(['1', '1', 'realtime:flood', 'phx_join', { config: {} }]));
    await new Promise((resolve) => slow.once('message', resolve));
    let closed = false;
    slow.once('close', () => {
      closed = true;
    });
    slow.pause();
    const fast = (await app.client()).channel('flood');
    let heard = 0;
    fast.on('broadcast', { event: '*' }, () => {
      heard += 1;
    });
    await subscribe(fast);
    const payload = { filler: 'x'.repeat(1_000_000) };
    for (let index = 0; index < 40; index += 1) {
      const sent = await fetch(`${app.url}/realtime/v1/api/broadcast`, {
        method: 'POST',
        headers: { apikey: keys.publishableKey, 'content-type': 'application/json' },
        body: JSON.stringify({ messages: [{ topic: 'flood', event: 'x', payload }] }),
      });
      expect(sent.status).toBe(202);
    }
    await until(() => heard === 40, 'the other client gets all messages');
    slow.resume();
    await until(() => closed, 'the slow client was closed');
  });
});
