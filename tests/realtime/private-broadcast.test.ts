// Private channels: RLS on realtime.messages decides who may join, and the database sends the messages.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  keys,
  pause,
  type RealtimeApp,
  startRealtimeApp,
  subscribe,
  until,
  userToken,
} from './support.ts';

describe('private broadcast', () => {
  let app: RealtimeApp;
  const ada = randomUUID();
  const bob = randomUUID();
  const topic = `stepbase:run:${ada}`;

  beforeAll(async () => {
    app = await startRealtimeApp();
    // As the migration role, which is not the owner and not a superuser.
    await app.db.query(`
      create policy "Users receive what is theirs" on realtime.messages
        for select to authenticated
        using (realtime.topic() = 'stepbase:run:' || (select auth.uid()) and extension in ('broadcast', 'presence'));
      create policy "Users send to what is theirs" on realtime.messages
        for insert to authenticated
        with check (realtime.topic() = 'stepbase:run:' || (select auth.uid()) and extension in ('broadcast', 'presence'));
    `);
  });
  afterAll(async () => await app.stop(), 30_000);

  async function privateChannel(token: string, name = topic, broadcast = {}) {
    const client = await app.client({ token });
    return client.channel(name, { config: { private: true, broadcast } });
  }

  test('is refused without a read policy for the caller, with the message of the hosted service', async () => {
    const refused = await subscribe(await privateChannel(await userToken(bob)));
    expect(refused.status).toBe('CHANNEL_ERROR');
    expect(refused.error?.message).toBe(
      `Unauthorized: You do not have permissions to read from this Channel topic: ${topic}`,
    );
  });

  test('is refused to the publishable key alone', async () => {
    const client = await app.client();
    const refused = await subscribe(client.channel(topic, { config: { private: true } }));
    expect(refused.status).toBe('CHANNEL_ERROR');
  });

  test('delivers a committed realtime.send once, with its id', async () => {
    const channel = await privateChannel(await userToken(ada));
    const received: { event: string; payload: Record<string, unknown> }[] = [];
    channel.on('broadcast', { event: '*' }, (message) => received.push(message as never));
    expect(await subscribe(channel)).toEqual({ status: 'SUBSCRIBED' });

    await app.db.query("select realtime.send($1, 'step', $2)", [
      { seq: 1, big: 1e15, text: 'grüß „dich“' },
      topic,
    ]);
    await until(() => received.length === 1, 'the broadcast arrives');
    expect(received[0]).toMatchObject({
      type: 'broadcast',
      event: 'step',
      payload: { seq: 1, big: 1e15, text: 'grüß „dich“' },
      meta: { id: received[0]?.payload.id },
    });

    await app.db.query(`begin; select realtime.send('{"seq":2}', 'step', '${topic}'); rollback`);
    await app.db.query("select realtime.send('{}', 'step', $1)", [`stepbase:run:${bob}`]);
    await app.db.query("select realtime.send('{}', 'step', $1, false)", [topic]);
    await pause();
    expect(received).toHaveLength(1);
  });

  test('delivers a thousand messages in commit order without a gap', async () => {
    const channel = await privateChannel(await userToken(ada));
    const seqs: number[] = [];
    channel.on('broadcast', { event: 'step' }, ({ payload }) => seqs.push(payload.seq));
    await subscribe(channel);
    for (let first = 0; first < 1_000; first += 50) {
      await app.db.query(
        `select realtime.send(jsonb_build_object('seq', n), 'step', $1)
         from generate_series($2::int, $3::int) as n`,
        [topic, first, first + 49],
      );
    }
    await until(() => seqs.length >= 1_000, 'all messages arrive');
    expect(seqs).toEqual(Array.from({ length: 1_000 }, (_, index) => index));
  });

  test('delivers the bytes of realtime.send_binary and the rows of realtime.broadcast_changes', async () => {
    const channel = await privateChannel(await userToken(ada));
    const received: { event: string; payload: unknown }[] = [];
    channel.on('broadcast', { event: '*' }, (message) => received.push(message as never));
    await subscribe(channel);
    await app.db.query(`
      create table public.notes (id int primary key, body text);
      create function public.notes_changed() returns trigger language plpgsql security definer
        set search_path = '' as $$
        begin
          perform realtime.broadcast_changes('${topic}', tg_op, tg_op, tg_table_name,
            tg_table_schema, new, old);
          return null;
        end $$;
      create trigger notes_changed after insert or update or delete on public.notes
        for each row execute function public.notes_changed();
      insert into public.notes values (1, 'first');
    `);
    await app.db.query("select realtime.send_binary('\\x00ff10', 'bytes', $1)", [topic]);
    await until(() => received.length === 2, 'both messages arrive');
    expect(received[0]).toMatchObject({
      event: 'INSERT',
      payload: {
        schema: 'public',
        table: 'notes',
        operation: 'INSERT',
        record: { id: 1, body: 'first' },
        old_record: null,
      },
    });
    expect(received[1]?.event).toBe('bytes');
    expect(new Uint8Array(received[1]?.payload as ArrayBuffer)).toEqual(
      new Uint8Array([0, 255, 16]),
    );
  });

  test('lets a client send, with an acknowledgement, if the insert policy allows it', async () => {
    const token = await userToken(ada);
    const sender = await privateChannel(token, topic, { ack: true, self: true });
    const other = await privateChannel(token);
    const own: unknown[] = [];
    const heard: unknown[] = [];
    sender.on('broadcast', { event: 'hello' }, ({ payload }) => own.push(payload));
    other.on('broadcast', { event: 'hello' }, ({ payload }) => heard.push(payload));
    await Promise.all([subscribe(sender), subscribe(other)]);
    expect(await sender.send({ type: 'broadcast', event: 'hello', payload: { n: 1 } })).toBe('ok');
    await until(() => heard.length === 1 && own.length === 1, 'every channel gets the message');
    expect(heard).toEqual([{ n: 1 }]);
    const stored = await app.db.query('select from realtime.messages where event = $1', ['hello']);
    expect(stored.rowCount).toBe(0);
  });

  test('lets the service key join every topic', async () => {
    const client = await app.client({ key: keys.secretKey });
    const channel = client.channel(topic, { config: { private: true } });
    expect(await subscribe(channel)).toEqual({ status: 'SUBSCRIBED' });
  });

  test('replays missed messages, then continues with new ones', async () => {
    const replayTopic = topic;
    const since = Date.now();
    await pause(20);
    await app.db.query("select realtime.send('{\"seq\":41}', 'replayed', $1)", [replayTopic]);
    const channel = await privateChannel(await userToken(ada), replayTopic, {
      replay: { since, limit: 10 },
    });
    const got: { payload: { seq: number }; meta?: { replayed?: boolean } }[] = [];
    channel.on('broadcast', { event: 'replayed' }, (message) => got.push(message as never));
    await subscribe(channel);
    await app.db.query("select realtime.send('{\"seq\":42}', 'replayed', $1)", [replayTopic]);
    await until(() => got.length === 2, 'the replayed and the new message arrive');
    expect(got.map(({ payload, meta }) => [payload.seq, meta?.replayed])).toEqual([
      [41, true],
      [42, undefined],
    ]);
  });
});
