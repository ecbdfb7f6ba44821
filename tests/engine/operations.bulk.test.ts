// Operations on many runs with real workers: killed workers repeat no effect, a stop ends after the slice under way, and
// runs beside a large operation go on.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ChaosEnvironment, createChaosEnvironment } from '../../scripts/chaos/environment.ts';
import { waitFor } from '../support/stack.ts';
import { type TestApp, testApp, value } from './support.ts';

const RUNS = 2_000;
const BATCH = 500;

interface RunOperation {
  id: string;
  status: string;
  total: number;
  done: number;
  failed: number;
  skipped: number;
}

let environment: ChaosEnvironment;
let b: TestApp;
let workflow: string;
beforeAll(async () => {
  environment = await createChaosEnvironment({ workers: 2, leaseSeconds: 1 });
  b = await testApp(environment.info);
  workflow = await b.publish([value('one')]);
});
afterAll(() => environment?.stop());

/** Starts runs that wait for a far time; returns the tag that they share. */
async function held(count: number): Promise<string> {
  const tag = randomUUID();
  for (let left = count; left > 0; left -= BATCH) {
    const item = { tags: [tag], start_at: '2100-01-01T00:00:00Z' };
    const items = Array.from({ length: Math.min(left, BATCH) }, () => item);
    const { error } = await b.developer.rpc('start_runs', { workflow, items });
    if (error) throw error;
  }
  return tag;
}

/** Previews and starts the cancellation of the runs with the tag. */
async function cancelAll(tag: string): Promise<RunOperation> {
  const selection = { action: 'cancel', filter: { tag } };
  const previewed = await b.developer.rpc('preview_operation', selection);
  if (previewed.error) throw previewed.error;
  const { preview } = previewed.data as { preview: string };
  const { data, error } = await b.developer
    .rpc('start_operation', { ...selection, preview, reason: 'a test' })
    .single<RunOperation>();
  if (error) throw error;
  return data;
}

/** Resolves with the operation when it meets the condition. */
const becomes = (id: string, what: string, is: (operation: RunOperation) => boolean) =>
  waitFor(
    `the operation ${what}`,
    async () => {
      const { data } = await b.developer
        .from('run_operations')
        .select()
        .eq('id', id)
        .single<RunOperation>();
      return data !== null && is(data) && data;
    },
    60_000,
  );

/** The numbers of cancelled runs with the tag, and of events that say so. */
async function cancelled(tag: string): Promise<{ runs: number; events: number }> {
  const { rows } = await b.db.query<{ runs: number; events: number }>(
    `select count(distinct r.id)::int as runs, count(e.run_id)::int as events
     from stepbase.runs r
     join stepbase.run_events e on e.run_id = r.id and e.event_type = 'run.cancelled'
     where r.tags = array[$1] and r.status = 'cancelled' and r.error ->> 'message' = 'a test'`,
    [tag],
  );
  return rows[0] ?? { runs: 0, events: 0 };
}

const messages = async (id: string) => {
  const { rows } = await b.db.query<{ payload: RunOperation }>(
    `select m.payload from realtime.messages m where m.payload ->> 'operation_id' = $1 order by m.id`,
    [id],
  );
  return rows.map(({ payload }) => payload);
};

test('killed workers act on each run once, and other runs go on', async () => {
  const tag = await held(RUNS);
  const { id, total } = await cancelAll(tag);
  expect(total).toBe(RUNS);
  await becomes(id, 'has begun', ({ done }) => done > 0);
  expect(environment.fleet.killOne() && environment.fleet.killOne()).toBe(true);
  const cut = await becomes(id, 'is read after the kill', () => true);
  expect(cut).toMatchObject({ status: 'running' });

  await becomes(id, 'goes on', ({ done }) => done > cut.done);
  // Beside the operation, a run starts and ends.
  await b.ended((await b.start(workflow)).id);
  expect(await becomes(id, 'is read', () => true)).toMatchObject({ status: 'running' });

  const end = await becomes(id, 'has ended', ({ status }) => status !== 'running');
  expect(end).toMatchObject({ status: 'completed', done: RUNS, failed: 0, skipped: 0 });
  expect(await cancelled(tag)).toEqual({ runs: RUNS, events: RUNS });

  const sent = await messages(id);
  expect(sent[0]).toMatchObject({ status: 'running', done: 0 });
  expect(sent.at(-1)).toMatchObject({ status: 'completed', total: RUNS, done: RUNS });
  // At most one a second, so fewer than slices.
  expect(sent.length).toBeLessThan(RUNS / 50);
}, 180_000);

test('a stopped operation acts on no further run', async () => {
  const tag = await held(RUNS);
  const { id } = await cancelAll(tag);
  await becomes(id, 'has begun', ({ done }) => done > 0);
  const { data: stopped } = await b.developer
    .rpc('stop_operation', { operation_id: id })
    .single<RunOperation>();
  expect(stopped).toMatchObject({ status: 'stopped', failed: 0, skipped: 0 });
  expect(stopped?.done).toBeLessThan(RUNS);
  // A worker has looked for operations again when it has finished a run that started after the stop.
  await b.ended((await b.start(workflow)).id);
  const { done } = await becomes(id, 'is read', () => true);
  expect(done).toBe(stopped?.done);
  expect(await cancelled(tag)).toEqual({ runs: done, events: done });
}, 120_000);
