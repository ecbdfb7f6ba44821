// Steps that ran ahead: the worker proposes, the graph decides. Each case plays a worker in a
// transaction of its own that is rolled back, so that no real worker sees its token.

import type pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Bench, bench, node, value } from './support.ts';

let b: Bench;
let versionId: string;

beforeAll(async () => {
  b = await bench();
  const name = await b.publish(
    [
      value('a'),
      node('choose', 'condition', { expression: '"left"' }),
      value('left'),
      value('right'),
      value('join'),
      value('end'),
    ],
    [
      'a > choose',
      'choose > left : left',
      'choose > right : right',
      'left > join',
      'right > join',
      'join > end',
    ],
  );
  const { rows } = await b.db.query<{ id: string }>(
    'select published_version_id as id from public.workflows where kebab_name = $1',
    [name],
  );
  versionId = rows[0]?.id ?? '';
});

interface Proposal {
  id: string;
  after: string;
  handle?: string;
}

interface Outcome {
  statuses: Record<string, string>;
  next: string[];
  /** Whether the worker is told that not all of its answers were taken. */
  refused: boolean;
  events: string[];
  seqs: number[];
  versions: number[];
  context: Record<string, unknown>;
  openSteps: number;
}

/** Completes step a with proposals, after `before` has changed the run. */
async function propose(
  proposals: Proposal[],
  before?: (db: pg.PoolClient, runId: string) => Promise<unknown>,
  claim = 1,
): Promise<Outcome> {
  const db = await b.db.connect();
  try {
    await db.query('begin');
    const { rows: runs } = await db.query<{ id: string }>(
      `select (engine.start_run('acme', $1, '{}')).id`,
      [versionId],
    );
    const runId = runs[0]?.id ?? '';
    const { rows: claimed } = await db.query<{ step_run_id: string }>(
      'select * from engine.claim(array[gen_random_uuid()], array[$1::uuid])',
      [runId],
    );
    await before?.(db, runId);
    const size = proposals.length + 1;
    const { rows: works } = await db.query<{ step_id: string; claim: number }>(
      `select step_id, claim from engine.complete($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        Array(size).fill(runId),
        [claimed[0]?.step_run_id, ...proposals.map(() => null)],
        [claim, ...proposals.map(() => null)],
        Array(size).fill('{}'),
        ['"a"', ...proposals.map(({ id }) => JSON.stringify(id))],
        [null, ...proposals.map(({ handle }) => handle ?? null)],
        Array(size).fill(null),
        [null, ...proposals.map(({ id }) => id)],
        [null, ...proposals.map(({ after }) => after)],
      ],
    );
    const steps = await db.query<{ step_id: string; status: string }>(
      'select step_id, status from public.step_runs where run_id = $1',
      [runId],
    );
    const events = await db.query<{ text: string; seq: string }>(
      `select seq, event_type || coalesce(' ' || step_id, '') as text
       from public.run_events where run_id = $1 order by seq`,
      [runId],
    );
    const patches = await db.query<{ version: number }>(
      'select version from public.run_context where run_id = $1 order by version',
      [runId],
    );
    const run = await db.query<{ context: Record<string, unknown>; open_steps: number }>(
      'select r.open_steps, public.context(r) as context from public.runs r where id = $1',
      [runId],
    );
    return {
      statuses: Object.fromEntries(steps.rows.map((s) => [s.step_id, s.status])),
      next: works.filter(({ claim }) => claim > 0).map((work) => work.step_id),
      refused: works.some((work) => work.claim === 0),
      events: events.rows.map(({ text }) => text),
      seqs: events.rows.map(({ seq }) => Number(seq)),
      versions: patches.rows.map(({ version }) => version),
      context: run.rows[0]?.context ?? {},
      openSteps: run.rows[0]?.open_steps ?? -1,
    };
  } finally {
    await db.query('rollback');
    db.release();
  }
}

const CHOOSE = { id: 'choose', after: 'a', handle: 'left' };
const LEFT = { id: 'left', after: 'choose' };

describe('steps that ran ahead', () => {
  test('are completed in the order they follow, and what follows them goes on', async () => {
    const { statuses, next, refused, events, seqs, versions, context, openSteps } = await propose([
      CHOOSE,
      LEFT,
    ]);
    expect(statuses).toEqual({
      a: 'completed',
      choose: 'completed',
      left: 'completed',
      right: 'skipped',
      join: 'running',
    });
    expect(next).toEqual(['join']);
    expect(refused).toBe(false);
    expect(
      events.filter((text) => /completed|skipped/.test(text) || text.endsWith('join')),
    ).toEqual([
      'step.completed a',
      'step.completed choose',
      'step.completed left',
      'step.skipped right',
      'step.started join',
    ]);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
    expect(versions).toEqual([1, 2, 3]);
    expect(context).toEqual({ a: 'a', choose: 'choose', left: 'left' });
    expect(openSteps).toBe(1);
  });

  test.each([
    ['along an edge that was not taken', [CHOOSE, { id: 'right', after: 'choose' }]],
    ['into a join', [CHOOSE, LEFT, { id: 'join', after: 'left' }]],
    ['after a step that nobody completed', [LEFT]],
    ['where no edge is', [{ id: 'end', after: 'a' }]],
  ])('count for nothing %s', async (_, proposals: Proposal[]) => {
    const { statuses, next, versions, refused } = await propose(proposals);
    expect(refused).toBe(true);
    expect(statuses).toEqual({ a: 'completed', choose: 'running' });
    expect(next).toEqual(['choose']);
    expect(versions).toEqual([1]);
  });

  test('count for nothing in a run that was paused meanwhile', async () => {
    const { statuses, next } = await propose([CHOOSE, LEFT], (db, runId) =>
      db.query("update public.runs set status = 'paused' where id = $1", [runId]),
    );
    expect(statuses).toEqual({ a: 'completed', choose: 'ready' });
    expect(next).toEqual([]);
  });

  test('count for nothing in a run that was cancelled meanwhile', async () => {
    const { statuses, next } = await propose([CHOOSE, LEFT], (db, runId) =>
      db.query("select engine.end_runs(array[$1::uuid], 'cancelled', null)", [runId]),
    );
    expect(statuses).toEqual({ a: 'cancelled' });
    expect(next).toEqual([]);
  });

  test('count for nothing when another worker has taken the step they follow', async () => {
    const { statuses, next, refused } = await propose([CHOOSE, LEFT], undefined, 7);
    expect(refused).toBe(true);
    expect(statuses).toEqual({ a: 'running' });
    expect(next).toEqual([]);
  });

  test('a step that fails ahead runs in its turn and fails then, once', async () => {
    const { run, all, statuses } = await b.run(
      [value('a'), value('b'), value('bad', '$error("no")'), value('c')],
      ['a > b', 'b > bad', 'bad > c'],
    );
    expect(run.status).toBe('failed');
    expect(statuses).toEqual({ a: 'completed', b: 'completed', bad: 'failed' });
    expect(all.filter((step) => step.step_id === 'bad')).toHaveLength(1);
  });

  test('a fan-out runs ahead as a whole, and its join counts every branch', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => `b${index}`);
    const { run } = await b.run(
      [
        value('a', '2'),
        ...ids.map((id, i) => value(id, `steps.a.output * ${i}`)),
        value('sum', `$sum([${ids.map((id) => `steps.${id}.output`).join(',')}])`),
      ],
      ids.flatMap((id) => [`a > ${id}`, `${id} > sum`]),
    );
    expect(run.output).toEqual({ sum: 2 * ((39 * 40) / 2) });
  });
});
