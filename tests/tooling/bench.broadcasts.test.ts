// The benchmark refuses a measurement whose broadcasts do not name every completed step once. The runs are real, the
// messages are written here.

import { beforeAll, expect, it } from 'vitest';
import { wrongBroadcasts } from '../../scripts/bench/broadcasts.ts';
import { linear, makeOwner, memberSession, publish } from '../../scripts/bench/owner.ts';
import { withClient } from '../../scripts/stack/postgres/connection.ts';
import { type FreshDatabase, freshDatabase, pool } from '../support/stack.ts';

const STEPS = 60;
const STATUS = 'pending';
let database: FreshDatabase;

beforeAll(async () => {
  database = await freshDatabase();
  await makeOwner(database);
  const member = await memberSession(database);
  await publish(member, 'sixty', linear(STEPS));
  await member.end();
  await withClient(database.adminUrl, (client) =>
    client.query('create table realtime.messages_all partition of realtime.messages default'),
  );
});

interface Message {
  event: string;
  payload: Record<string, unknown>;
}

/** The audit's answer for a new run with these messages. */
async function audit(messages: (seq: number) => Message[]) {
  const member = await memberSession(database);
  const { rows } = await member.query<{ id: string; seq: number }>(
    'select id, event_seq::int as seq from stepbase.start_run(workflow => $1)',
    ['sixty'],
  );
  await member.end();
  const [run] = rows;
  if (!run) throw new Error('the run did not start');
  const sent = messages(run.seq);
  await withClient(database.adminUrl, (client) =>
    client.query(
      `insert into realtime.messages (topic, extension, event, payload, private)
       select 'stepbase:run:' || $1, 'broadcast', m.event, m.payload, true
       from unnest($2::text[], $3::jsonb[]) as m (event, payload)`,
      [run.id, sent.map(({ event }) => event), sent.map(({ payload }) => payload)],
    ),
  );
  const wrong = await wrongBroadcasts(pool(database.url), [run.id], STEPS);
  return wrong.map(({ steps }) => steps);
}

const changed = (from: number, to: number, status = 'completed') =>
  Array.from({ length: to - from + 1 }, (_, i) => ({
    step_id: `s${from + i}`,
    item_index: 0,
    attempt: 1,
    status,
  }));
const ofRun = (seq: number, steps: unknown[], more = {}): Message => ({
  event: 'run',
  payload: { seq_from: seq, seq, status: STATUS, steps, ...more },
});

it('messages for several steps are complete', async () => {
  const first = ofRun(1, [...changed(1, 30), ...changed(31, 31, 'running')]);
  expect(await audit((seq) => [first, ofRun(seq, changed(31, STEPS))])).toEqual([]);
  expect(await audit(() => [first])).toEqual([30]);
});

it('a step that two messages complete is reported', async () => {
  const messages = (seq: number) => [ofRun(1, changed(1, 31)), ofRun(seq, changed(31, STEPS))];
  expect(await audit(messages)).toEqual([STEPS + 1]);
});

it('a truncated message is complete only if the last message has the end of the run', async () => {
  const truncated = { truncated: true };
  expect(await audit((seq) => [ofRun(seq, changed(1, 50), truncated)])).toEqual([]);
  expect(await audit((seq) => [ofRun(seq - 1, changed(1, 50), truncated)])).toEqual([50]);
  const failed = { ...truncated, status: 'failed' };
  expect(await audit((seq) => [ofRun(seq, changed(1, 50), failed)])).toEqual([50]);
});

it('a run without messages is reported', async () => {
  expect(await audit(() => [])).toEqual([0]);
});
