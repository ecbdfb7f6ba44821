// Realtime messages: at most one per run and transaction, one per app about runs whose status changed, and each of a
// bounded size. The check of gaps is part of every engine test (../messages.ts).

import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seedUser } from '../../support/stack.ts';
import { readMessages } from '../messages.ts';
import { node, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
let server: Server;
let url: string;
beforeAll(async () => {
  server = createServer((_, response) => response.end('{}'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  b = await testApp();
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

interface AppMessage {
  runs: { run_id: string; status: string; seq: number; error?: { code: string } }[];
  truncated?: true;
}

/** The messages of the app that name one of the runs. */
async function appMessages(runIds: readonly string[]): Promise<AppMessage[]> {
  const { rows } = await b.db.query<{ payload: AppMessage }>(
    `select m.payload from realtime.messages m
     where m.topic = 'stepbase:app:acme:runs' and m.event = 'runs' and exists (
       select 1 from jsonb_array_elements(m.payload -> 'runs') r where r.value ->> 'run_id' = any($1)
     )
     order by m.id`,
    [runIds],
  );
  return rows.map(({ payload }) => payload);
}

const statusesIn = (messages: readonly AppMessage[], runId: string) =>
  messages.flatMap(({ runs }) => runs.filter((run) => run.run_id === runId).map((r) => r.status));

const chain = (length: number) => Array.from({ length: length - 1 }, (_, n) => `s${n} > s${n + 1}`);

describe.concurrent('messages', () => {
  test('a run without side effects sends three: created, and its end to run and app', async () => {
    const steps = Array.from({ length: 10 }, (_, n) => value(`s${n}`));
    const { run } = await b.run(steps, chain(10));
    const messages = (await readMessages(b.db, [run.id])).get(run.id) ?? [];
    expect(messages).toHaveLength(1);
    expect(messages[0]).toMatchObject({ seq_from: 2, status: 'completed', steps_completed: 10 });
    expect(messages[0]?.steps.map(({ step_id, status }) => [step_id, status])).toEqual(
      steps.map(({ id }) => [id, 'completed']),
    );
    const ofApp = await appMessages([run.id]);
    expect(statusesIn(ofApp, run.id)).toEqual(['pending', 'completed']);
  });

  test('a run of ten HTTP steps sends at most fourteen', async () => {
    const steps = Array.from({ length: 10 }, (_, n) => node(`s${n}`, 'http_request', { url }));
    const { run } = await b.run(steps, chain(10));
    const messages = (await readMessages(b.db, [run.id])).get(run.id) ?? [];
    const ofApp = await appMessages([run.id]);
    expect(statusesIn(ofApp, run.id)).toEqual(['pending', 'running', 'completed']);
    expect(messages.length + ofApp.length).toBeLessThanOrEqual(14);
    const { rows } = await b.db.query<{ transactions: number }>(
      'select count(distinct xmin::text)::int as transactions from stepbase.run_events where run_id = $1 and seq > 1',
      [run.id],
    );
    expect(messages.length).toBeLessThanOrEqual(rows[0]?.transactions ?? 0);
  });

  test('a list of items is one message, whose steps are at most fifty', async () => {
    const { run } = await b.run([
      node('each', 'for_each', {
        items: Array.from({ length: 120 }, (_, n) => n),
        concurrency: 120,
        step: { type: 'transform', config: { expression: 'item' } },
      }),
    ]);
    const messages = (await readMessages(b.db, [run.id])).get(run.id) ?? [];
    const expanded = messages.find(({ seq, seq_from }) => seq - seq_from >= 120);
    expect(expanded?.truncated).toBe(true);
    expect(expanded?.steps).toHaveLength(50);
  });

  test('the message of a failed run has its error, and the app hears it once', async () => {
    const { run } = await b.run([value('a', '$error("no")')]);
    const messages = (await readMessages(b.db, [run.id])).get(run.id) ?? [];
    const [failed] = messages.at(-1)?.steps ?? [];
    expect(messages.at(-1)).toMatchObject({ status: 'failed', error: { step_id: 'a' } });
    expect(failed).toMatchObject({ step_id: 'a', status: 'failed' });
    expect(statusesIn(await appMessages([run.id]), run.id).at(-1)).toBe('failed');
  });

  test('messages above 32 KB have no steps', async () => {
    const long = 'x'.repeat(3_000);
    const { run } = await b.run([
      node(
        'each',
        'for_each',
        {
          items: Array.from({ length: 40 }, (_, n) => n),
          concurrency: 40,
          step: { type: 'transform', config: { expression: `$error("${long}")` } },
        },
        { on_error: 'continue' },
      ),
    ]);
    // The check of sizes is in readMessages.
    const messages = (await readMessages(b.db, [run.id])).get(run.id) ?? [];
    for (const { steps, truncated } of messages) {
      if (truncated) expect(steps.length === 0 || steps.length === 50).toBe(true);
    }
    expect(messages.at(-1)?.seq).toBe(Number(run.event_seq));
  });
});

describe('one transaction', () => {
  /** Starts runs as the member, in one transaction, with `between` after each. */
  async function startTogether(count: number, between: (n: number) => string[] = () => []) {
    const workflow = await b.publish([value('a')]);
    const { id: sub, app_code } = seedUser('developer@acme');
    const client = await b.db.connect();
    const ids: string[] = [];
    try {
      await client.query('begin');
      await client.query(
        "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)",
        [JSON.stringify({ sub, role: 'authenticated', app_code })],
      );
      for (let n = 0; n < count; n += 1) {
        const { rows } = await client.query<{ id: string }>(
          'select id from stepbase.start_run(workflow => $1)',
          [workflow],
        );
        ids.push(rows[0]?.id ?? '');
        for (const statement of between(n)) await client.query(statement);
      }
      await client.query('commit');
    } catch (error) {
      await client.query('rollback');
      throw error;
    } finally {
      client.release();
    }
    return ids;
  }

  test('that starts runs sends one message to their app', async () => {
    const ids = await startTogether(3);
    const created = (await appMessages(ids)).filter(({ runs }) =>
      runs.some(({ status }) => status === 'pending'),
    );
    expect(created.map(({ runs }) => runs.map(({ run_id }) => run_id))).toEqual([ids]);
    for (const id of ids) await b.ended(id);
  });

  test('that starts more than fifty runs names fifty of them', async () => {
    const ids = await startTogether(60);
    const [created] = await appMessages(ids);
    expect(created?.runs).toHaveLength(50);
    expect(created?.truncated).toBe(true);
    for (const id of ids) await b.ended(id);
  });

  test('sends nothing about what it undid', async () => {
    const undone = 1;
    const ids = await startTogether(3, (n) => [
      ...(n === undone ? ['rollback to savepoint s'] : []),
      'savepoint s',
    ]);
    const kept = ids.filter((_, n) => n !== undone);
    const named = (await appMessages(ids)).flatMap(({ runs }) => runs.map(({ run_id }) => run_id));
    expect(new Set(named)).toEqual(new Set(kept));
    for (const id of kept) await b.ended(id);
  });

  test('sends nothing if it is rolled back', async () => {
    await expect(startTogether(1, () => [`select '${randomUUID()}'::int`])).rejects.toThrow();
    const client = await b.db.connect();
    const { rows } = await client.query<{ unsent: string | null }>(
      "select current_setting('stepbase.unsent', true) as unsent",
    );
    client.release();
    expect(rows[0]?.unsent ?? '').toBe('');
  });
});
