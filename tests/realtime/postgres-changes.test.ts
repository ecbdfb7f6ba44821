// Change subscriptions: changes are sent to subscribers who may select the row and whose filter matches.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scaled } from '../support/time.ts';
import {
  pause,
  type RealtimeApp,
  startRealtimeApp,
  subscribe,
  until,
  userToken,
} from './support.ts';

interface Change {
  eventType: string;
  new: Record<string, unknown>;
  old: Record<string, unknown>;
}

describe('postgres_changes', () => {
  let app: RealtimeApp;
  const ada = randomUUID();
  const bob = randomUUID();

  beforeAll(async () => {
    app = await startRealtimeApp();
    await app.db.query(`
      create table public.items (
        id int primary key, owner_id uuid not null, title text, price numeric, tags text[],
        data jsonb, secret text
      );
      alter table public.items enable row level security;
      create policy "Owners see their items" on public.items for select to authenticated
        using (owner_id = (select auth.uid()));
      grant select (id, owner_id, title, price, tags, data) on public.items to authenticated;
      create table public.unpublished (id int primary key);
      create table public.open_notes (id int primary key, body text);
      grant select on public.open_notes to anon, authenticated;
      alter publication supabase_realtime add table public.items, public.open_notes;
    `);
  });
  afterAll(async () => await app.stop(), 30_000);

  async function listen(user: string, bindings: Record<string, string>[]) {
    const client = await app.client({ token: await userToken(user) });
    const channel = client.channel(`items-${randomUUID()}`);
    const changes: Change[] = [];
    const systems: { status: string; message: string }[] = [];
    for (const binding of bindings) {
      channel.on('postgres_changes', binding as never, (change: Change) => changes.push(change));
    }
    channel.on('system', {}, (message) => systems.push(message));
    const joined = await subscribe(channel);
    expect(joined).toEqual({ status: 'SUBSCRIBED' });
    await until(() => systems.length > 0, 'the subscription gets a system message');
    return { changes, systems, channel };
  }

  test('reports that it is subscribed, or the reason why it cannot be', async () => {
    const { systems } = await listen(ada, [{ event: '*', schema: 'public', table: 'items' }]);
    expect(systems).toMatchObject([
      { extension: 'postgres_changes', status: 'ok', message: 'Subscribed to PostgreSQL' },
    ]);
    const refused = await listen(ada, [{ event: '*', schema: 'public', table: 'unpublished' }]);
    expect(refused.systems).toMatchObject([
      { status: 'error', message: expect.stringContaining('Unable to subscribe to changes') },
    ]);
    const hidden = await listen(ada, [
      { event: '*', schema: 'public', table: 'items', filter: 'secret=eq.x' },
    ]);
    expect(hidden.systems).toMatchObject([{ status: 'error' }]);
    const nonsense = await listen(ada, [
      { event: '*', schema: 'public', table: 'items', filter: 'id=eq.one' },
    ]);
    expect(nonsense.systems).toMatchObject([
      {
        status: 'error',
        message: expect.stringContaining('invalid input syntax for type integer'),
      },
    ]);
    const left = await app.db.query(
      "select from realtime.subscription where filters::text like '%one%'",
    );
    expect(left.rowCount).toBe(0);
  });

  test('sends a row only to subscribers who may select it, with the columns that they may read', async () => {
    const binding = { event: '*', schema: 'public', table: 'items' };
    const [mine, theirs] = await Promise.all([listen(ada, [binding]), listen(bob, [binding])]);
    await app.db.query(
      `insert into public.items values (1, $1, 'first', 12.50, '{a,b}', '{"deep":[1]}', 'hidden')`,
      [ada],
    );
    // One after the other: as on a hosted project, the policy is checked on the current version of the row.
    await until(() => mine.changes.length === 1, 'the insert arrives');
    await app.db.query("update public.items set title = 'second' where id = 1");
    await until(() => mine.changes.length === 2, 'the update arrives');
    await app.db.query('delete from public.items where id = 1');
    await until(() => mine.changes.length === 3, 'the delete arrives');
    const row = { id: 1, owner_id: ada, price: 12.5, tags: ['a', 'b'], data: { deep: [1] } };
    expect(mine.changes.map(({ eventType }) => eventType)).toEqual(['INSERT', 'UPDATE', 'DELETE']);
    expect(mine.changes[0]).toMatchObject({ schema: 'public', table: 'items', errors: null });
    expect(mine.changes[0]?.new).toEqual({ ...row, title: 'first' });
    expect(mine.changes[1]?.old).toEqual({ id: 1 });
    expect(mine.changes[2]?.old).toEqual({ id: 1 });
    // The policy cannot be checked on a deleted row: every subscriber gets only its key.
    await until(() => theirs.changes.length === 1, 'the delete arrives');
    await pause(100);
    expect(theirs.changes.map(({ eventType }) => eventType)).toEqual(['DELETE']);
  });

  test.each([
    ['title=eq.b', [12]],
    ['title=neq.b', [11, 13]],
    ['price=lt.2', [11]],
    ['price=lte.2', [11, 12]],
    ['price=gt.2', [13]],
    ['price=gte.2', [12, 13]],
    ['id=in.(11,13)', [11, 13]],
    ['id=gt.11,price=lt.3', [12]],
    ['title=not.in.("a",c)', [12]],
    ['title=like.%c%', [13]],
  ])('filter %s', async (filter, expected) => {
    await app.db.query('delete from public.items');
    const { changes } = await listen(ada, [
      { event: 'INSERT', schema: 'public', table: 'items', filter },
    ]);
    const all = await listen(ada, [{ event: 'INSERT', schema: 'public', table: 'items' }]);
    await app.db.query(
      `insert into public.items (id, owner_id, title, price)
       values (11, $1, 'a', 1), (12, $1, 'b', 2), (13, $1, 'c', 3)`,
      [ada],
    );
    await until(() => all.changes.length === 3, 'the unfiltered listener has all changes');
    await until(() => changes.length >= expected.length, 'the filtered listener has its changes');
    expect(changes.map((change) => change.new.id)).toEqual(expected);
  });

  test('each binding of a channel gets its own events', async () => {
    const client = await app.client();
    const wait = { config: { postgres_changes_options: { wait: true } } };
    const channel = client.channel('notes', wait);
    const inserted: unknown[] = [];
    const updated: unknown[] = [];
    channel.on(
      'postgres_changes',
      { event: 'INSERT', schema: 'public', table: 'open_notes' },
      (c) => inserted.push(c.new),
    );
    channel.on(
      'postgres_changes',
      { event: 'UPDATE', schema: 'public', table: 'open_notes' },
      (c) => updated.push(c.new),
    );
    const waiting = client.channel('waits', wait);
    const early: unknown[] = [];
    waiting.on('postgres_changes', { event: '*', schema: 'public' }, (c) =>
      early.push(c.eventType),
    );
    await subscribe(channel);
    expect(await subscribe(waiting)).toEqual({ status: 'SUBSCRIBED' });
    const listed = await app.db.query(
      "select entity::text from realtime.subscription where entity = 'public.open_notes'::regclass",
    );
    expect(listed.rowCount).toBe(3);
    await app.db.query("insert into public.open_notes values (1, 'a')");
    await app.db.query("update public.open_notes set id = 2, body = 'b'");
    await until(() => early.length === 2, 'the waiting channel has both changes');
    expect(inserted).toEqual([{ id: 1, body: 'a' }]);
    expect(updated).toEqual([{ id: 2, body: 'b' }]);
    await client.removeAllChannels();
    const deadline = Date.now() + scaled(5_000);
    let left = 1;
    while (left > 0 && Date.now() < deadline) {
      const rows = await app.db.query(
        "select from realtime.subscription where entity = 'public.open_notes'::regclass",
      );
      left = rows.rowCount ?? 0;
    }
    expect(left).toBe(0);
  });
});
