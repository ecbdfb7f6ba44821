// The lifetime of a channel: a refreshed token keeps it, an expired or less privileged one ends it, and it survives
// a restarted server or a lost stream.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scaled } from '../support/time.ts';
import {
  keys,
  pause,
  type RealtimeApp,
  startRealtimeApp,
  subscribe,
  until,
  userToken,
} from './support.ts';

const LIMIT_15_S = scaled(15_000);
const LIMIT_20_S = scaled(20_000);

describe('channel lifetime', () => {
  let app: RealtimeApp;

  beforeAll(async () => {
    app = await startRealtimeApp();
    await app.db.query(`
      create policy "Members receive their app's topics" on realtime.messages
        for select to authenticated
        using (realtime.topic() =
          'app:' || (select current_setting('request.jwt.claims', true)::jsonb ->> 'app_code'));
    `);
  });
  afterAll(async () => await app.stop(), 30_000);

  const send = async (seq: number) =>
    await app.db.query("select realtime.send($1, 'n', 'app:demo')", [{ seq }]);

  test('a refreshed token keeps the channel after the expiry of the first token', {
    timeout: LIMIT_15_S,
  }, async () => {
    const user = randomUUID();
    const client = await app.client({ token: await userToken(user, { app_code: 'demo' }, 2) });
    const channel = client.channel('app:demo', { config: { private: true } });
    const statuses: string[] = [];
    const seqs: number[] = [];
    channel.on('broadcast', { event: 'n' }, ({ payload }) => seqs.push(payload.seq));
    channel.subscribe((status) => statuses.push(status));
    await until(() => statuses.includes('SUBSCRIBED'), 'the channel is joined');
    await client.realtime.setAuth(await userToken(user, { app_code: 'demo' }, 60));
    await pause(2_500);
    await send(1);
    await until(() => seqs.length === 1, 'the channel still receives');
    expect(statuses).toEqual(['SUBSCRIBED']);
  });

  test('an expired token closes the channel, with the reason', {
    timeout: LIMIT_15_S,
  }, async () => {
    const client = await app.client({
      token: await userToken(randomUUID(), { app_code: 'demo' }, 2),
    });
    const channel = client.channel('app:demo', { config: { private: true } });
    const statuses: string[] = [];
    const reasons: string[] = [];
    channel.on('system', {}, ({ message }) => reasons.push(message));
    channel.subscribe((status) => statuses.push(status));
    await until(() => statuses.includes('CLOSED'), 'the channel is closed');
    expect(statuses).toEqual(['SUBSCRIBED', 'CLOSED']);
    expect(reasons).toEqual([expect.stringMatching(/^Token has expired \d+ seconds ago$/)]);
  });

  test('a token of another app closes the channel', async () => {
    const user = randomUUID();
    const client = await app.client({ token: await userToken(user, { app_code: 'demo' }) });
    const channel = client.channel('app:demo', { config: { private: true } });
    const statuses: string[] = [];
    channel.subscribe((status) => statuses.push(status));
    await until(() => statuses.includes('SUBSCRIBED'), 'the channel is joined');
    await client.realtime.setAuth(await userToken(user, { app_code: 'other' }));
    await until(() => statuses.includes('CLOSED'), 'the channel is closed');
  });

  test('without an insert policy a client can neither send nor track', async () => {
    const client = await app.client({
      token: await userToken(randomUUID(), { app_code: 'demo' }),
    });
    const channel = client.channel('app:demo', {
      config: { private: true, broadcast: { ack: true, self: true } },
    });
    const heard: unknown[] = [];
    channel.on('broadcast', { event: '*' }, (message) => heard.push(message));
    await subscribe(channel);
    expect(await channel.track({ here: true })).toBe('error');
    // No response, as on a hosted project.
    const message = { type: 'broadcast', event: 'x', payload: {} } as const;
    expect(await channel.send(message, { timeout: 300 })).toBe('timed out');
    expect(heard).toEqual([]);
  });

  test.each([
    [
      'expired',
      async () => await userToken(randomUUID(), { app_code: 'demo' }, -5),
      /^InvalidJWTToken: Token has expired \d+ seconds ago$/,
    ],
    [
      'forged',
      async () => `${await userToken(randomUUID(), { app_code: 'demo' })}x`,
      /^JwtSignatureError: Failed to validate JWT signature$/,
    ],
    [
      'malformed',
      async () => 'not.a.token',
      /^MalformedJWT: The token provided is not a valid JWT$/,
    ],
    [
      'without a role',
      async () => await userToken(randomUUID(), { role: '' }),
      /^InvalidJWTToken: Fields `role` and `exp` are required in JWT$/,
    ],
  ])('a join with this token is refused: %s', async (_name, token, reason) => {
    const client = await app.client({ token: await token() });
    const refused = await subscribe(client.channel('app:demo', { config: { private: true } }));
    expect(refused.status).toBe('CHANNEL_ERROR');
    expect(refused.error?.message).toMatch(reason);
  });

  test('a websocket without a valid key is not accepted', async () => {
    const refused = await fetch(`${app.url}/realtime/v1/api/broadcast`, {
      method: 'POST',
      headers: { apikey: 'sb_publishable_wrong', 'content-type': 'application/json' },
      body: '{}',
    });
    expect(refused.status).toBe(401);
    const socket = new WebSocket(
      `${app.url.replace('http', 'ws')}/realtime/v1/websocket?apikey=wrong&vsn=2.0.0`,
    );
    const outcome = await new Promise((resolve) => {
      socket.onopen = () => resolve('open');
      socket.onerror = () => resolve('refused');
    });
    expect(outcome).toBe('refused');
  });

  test('a client reconnects after a restart and receives again', {
    timeout: LIMIT_20_S,
  }, async () => {
    const client = await app.client({ key: keys.secretKey });
    const channel = client.channel('app:demo', { config: { private: true } });
    const statuses: string[] = [];
    const seqs: number[] = [];
    channel.on('broadcast', { event: 'n' }, ({ payload }) => seqs.push(payload.seq));
    channel.subscribe((status) => statuses.push(status));
    await until(() => statuses.includes('SUBSCRIBED'), 'the channel is joined');
    await app.restartRealtime();
    await until(
      () => statuses.filter((s) => s === 'SUBSCRIBED').length === 2,
      'the channel is joined again',
    );
    await send(7);
    await until(() => seqs.includes(7), 'the channel receives');
  });

  test('every channel joins again after a lost replication stream', {
    timeout: LIMIT_20_S,
  }, async () => {
    const client = await app.client({ key: keys.secretKey });
    const channel = client.channel('app:demo', { config: { private: true } });
    const statuses: string[] = [];
    const seqs: number[] = [];
    channel.on('broadcast', { event: 'n' }, ({ payload }) => seqs.push(payload.seq));
    channel.subscribe((status) => statuses.push(status));
    await until(() => statuses.includes('SUBSCRIBED'), 'the channel is joined');
    await app.superuser.query(
      'select pg_terminate_backend(active_pid) from pg_replication_slots where temporary',
    );
    await until(
      () => statuses.filter((s) => s === 'SUBSCRIBED').length === 2,
      'the channel is joined again',
    );
    await send(8);
    await until(() => seqs.includes(8), 'the channel receives');
    expect(statuses).toEqual(['SUBSCRIBED', 'CHANNEL_ERROR', 'SUBSCRIBED']);
  });

  test('a channel recovers after the database was unavailable', {
    timeout: LIMIT_20_S,
  }, async () => {
    const user = randomUUID();
    const client = await app.client({ token: await userToken(user, { app_code: 'demo' }) });
    const channel = client.channel('app:demo', { config: { private: true } });
    const statuses: string[] = [];
    channel.subscribe((status) => statuses.push(status));
    await until(() => statuses.includes('SUBSCRIBED'), 'the channel is joined');
    await app.superuser.query('alter role postgres connection limit 0');
    await app.superuser.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'realtime'",
    );
    await client.realtime.setAuth(await userToken(user, { app_code: 'demo', n: 2 }));
    await until(() => statuses.includes('CHANNEL_ERROR'), 'the channel failed');
    await app.superuser.query('alter role postgres connection limit -1');
    await until(() => statuses.at(-1) === 'SUBSCRIBED', 'the channel is joined again', 15_000);
    expect(statuses).not.toContain('CLOSED');
  });

  test('a stopped server leaves no replication slot', async () => {
    await app.stopRealtime();
    const deadline = Date.now() + scaled(5_000);
    let slots = 1;
    while (slots > 0 && Date.now() < deadline) {
      const found = await app.superuser.query('select from pg_replication_slots');
      slots = found.rowCount ?? 0;
    }
    expect(slots).toBe(0);
    await app.restartRealtime();
  });
});
