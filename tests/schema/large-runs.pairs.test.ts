// No call on a workflow or a run of many steps compares each step with each other one: what a statement reads grows with
// the number of steps, not with its square. The planner has no statistics of rows that were just written, so a nested
// loop looks cheap to it.

import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { edges, type Node, node, testApp, value } from '../engine/support.ts';
import { seedUser, stackInfo } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { explainedSession, rowsRead } from './nested-plans.ts';

/** Side by side, then a chain. */
const WIDTH = 100;
const LENGTH = 60;
const STEPS = WIDTH + LENGTH;
/** The most that one node of a plan may read for each step. Pairs would be 160. */
const READS_PER_STEP = 40;

const side = Array.from({ length: WIDTH }, (_, i) => `s${i}`);
const chain = Array.from({ length: LENGTH }, (_, i) => `c${i}`);
const last = chain[LENGTH - 1] ?? '';
const nodes: Node[] = [...side, ...chain].map((id) =>
  value(id, id === last ? 'input.fails ? $error("as asked") : 1' : '1'),
);
const lines = [
  ...side.map((id) => `${id} > c0`),
  ...chain.slice(1).map((id, i) => `${chain[i]} > ${id}`),
];

const b = await testApp();
const member = { id: '', app: 'acme' };
let session: pg.Client;
const workflow = `pairs-${randomUUID()}`;

beforeAll(async () => {
  session = await explainedSession(stackInfo());
  const { email } = seedUser('developer@acme');
  const { rows } = await b.db.query<{ id: string }>('select id from auth.users where email = $1', [
    email,
  ]);
  member.id = rows[0]?.id ?? '';
});
afterAll(async () => {
  await session?.end();
  await b.db.query('update stepbase.workflows set deleted_at = now() where kebab_name = $1', [
    workflow,
  ]);
});

/** The result of the call, after a check of each plan. */
async function called<T>(query: string, values: unknown[]): Promise<T> {
  const { result, reads } = await rowsRead(session, member, query, values);
  expect(reads, 'plans of the call').not.toEqual([]);
  const pairs = reads.filter(({ rows }) => rows > READS_PER_STEP * STEPS);
  expect(pairs).toEqual([]);
  return result as T;
}

interface Row {
  id: string;
}

/** Saves and publishes; returns the id of the version. */
async function published(more: Node[]): Promise<string> {
  const definition = { nodes: [...nodes, ...more], edges: edges(...lines) };
  const { id } = await called<Row>('select to_jsonb(stepbase.save_workflow($1, $2)) as result', [
    workflow,
    JSON.stringify(definition),
  ]);
  await called('select to_jsonb(stepbase.publish_workflow($1)) as result', [id]);
  return id;
}

const started = async (input: object) =>
  await called<Row>('select to_jsonb(stepbase.start_run($1, $2)) as result', [
    workflow,
    JSON.stringify(input),
  ]);

describe('no call compares all pairs of steps', { timeout: scaled(120_000) }, () => {
  test('versions are saved, published and compared', async () => {
    const first = await published([]);
    const second = await published([value('more')]);
    const diff = await called<object>('select stepbase.diff_versions($1, $2) as result', [
      first,
      second,
    ]);
    expect(JSON.stringify(diff)).toContain('more');
  });

  test('runs are started, explained, compared, rerun and redriven', async () => {
    const [completed, failed] = [await started({}), await started({ fails: true })];
    expect((await b.ended(completed.id, scaled(60_000))).run.status).toBe('completed');
    expect((await b.ended(failed.id, scaled(60_000))).run.status).toBe('failed');
    for (const { id } of [completed, failed]) {
      await called('select stepbase.explain_run($1) as result', [id]);
    }
    await called('select stepbase.compare_runs($1, $2) as result', [completed.id, failed.id]);
    const again = [
      await called<Row>('select to_jsonb(stepbase.rerun($1, from_step => $2)) as result', [
        completed.id,
        chain[LENGTH / 2],
      ]),
      await called<Row>('select to_jsonb(stepbase.redrive(array[$1::uuid])) as result', [
        failed.id,
      ]),
    ];
    for (const { id } of again) await b.ended(id, scaled(60_000));
  });

  test('an open run is explained, continued with another version, and cancelled', async () => {
    await published([node('later', 'delay', { ms: 3_600_000 })]);
    const { id } = await started({});
    await b.stepIs(id, last, 'completed', scaled(60_000));
    await called('select stepbase.explain_run($1) as result', [id]);
    await called('select stepbase.preview_continue($1, 2) as result', [id]);
    const next = await called<Row>(
      'select to_jsonb(stepbase.continue_on_version($1, 2)) as result',
      [id],
    );
    expect((await b.ended(next.id, scaled(60_000))).run.status).toBe('completed');
    const cancelled = await started({});
    await b.stepIs(cancelled.id, last, 'completed', scaled(60_000));
    await called('select to_jsonb(stepbase.cancel_run($1)) as result', [cancelled.id]);
    expect((await b.ended(cancelled.id)).run.status).toBe('cancelled');
  });
});
