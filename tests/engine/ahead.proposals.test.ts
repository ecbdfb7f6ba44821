// Eager execution: the worker proposes results of further steps, and the graph accepts or drops them. Each case acts
// as a worker in a transaction that is rolled back, so that no real worker sees its token.

import type pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { node, type TestApp, testApp, value } from './support.ts';
import { take } from './tokens.ts';

let b: TestApp;
let versionId: string;

beforeAll(async () => {
  b = await testApp();
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
    'select published_version_id as id from stepbase.workflows where kebab_name = $1',
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
  /** Whether the worker learns that some of its results were rejected. */
  refused: boolean;
  events: string[];
  seqs: number[];
  versions: number[];
  context: Record<string, unknown>;
  openSteps: number;
  run: string;
  /** Whether the token of the run still exists. */
  token: boolean;
}

interface EventRow {
  seq: number;
  event_type: string;
  step_id: string | null;
  payload: { from?: string[]; handle?: string; started_at?: string };
}

type Before = (db: pg.PoolClient, runId: string) => Promise<unknown>;

interface Answer extends Omit<Proposal, 'after'> {
  /** Undefined for a step run that the worker has claimed. */
  after?: string;
  held?: { stepRunId: string; fence: number };
  jobId?: string;
}

/** Completes step a with proposals, after `before` has changed the run. */
function propose(proposals: Proposal[], before?: Before, fence = 1): Promise<Outcome> {
  return play(async (db, runId) => {
    const [claimed] = await take(db, [runId]);
    await before?.(db, runId);
    const held = { stepRunId: claimed?.step_run_id ?? '', fence };
    return [{ id: 'a', held }, ...proposals];
  });
}

/** Submits results for a run that no worker has claimed, after `before` has changed it. */
function begin(proposals: Proposal[], before?: Before): Promise<Outcome> {
  return play(async (db, runId) => {
    await before?.(db, runId);
    const { rows } = await db.query<{ id: string }>(
      "select id from stepbase_queue.job where name = 'steps' and data ->> 'run_id' = $1",
      [runId],
    );
    const jobId = rows[0]?.id ?? crypto.randomUUID();
    return proposals.map((step) => (step.after === '' ? { ...step, jobId } : step));
  });
}

async function play(
  answersOf: (db: pg.PoolClient, runId: string) => Promise<Answer[]>,
): Promise<Outcome> {
  const db = await b.db.connect();
  try {
    await db.query('begin');
    const { rows: runs } = await db.query<{ id: string }>(
      `select (stepbase_engine.start_run('acme', $1, '{}')).id`,
      [versionId],
    );
    const runId = runs[0]?.id ?? '';
    const answers = await answersOf(db, runId);
    const { rows: works } = await db.query<{ step_id: string; fence: number }>(
      `select step_id, fence from stepbase_engine.complete($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      [
        answers.map(() => runId),
        answers.map(({ held }) => held?.stepRunId ?? null),
        answers.map(({ held }) => held?.fence ?? null),
        answers.map(() => '{}'),
        answers.map(({ id }) => JSON.stringify(id)),
        answers.map(({ handle }) => handle ?? null),
        answers.map(() => null),
        answers.map(({ held, id }) => (held ? null : id)),
        answers.map(({ after }) => after ?? null),
        answers.map(({ jobId }) => jobId ?? null),
      ],
    );
    const steps = await db.query<{ step_id: string; status: string }>(
      'select step_id, status from stepbase.step_runs where run_id = $1',
      [runId],
    );
    const events = await db.query<{ text: string; seq: string }>(
      `select seq, event_type || coalesce(' ' || step_id, '') as text
       from stepbase.run_events where run_id = $1 order by seq`,
      [runId],
    );
    const patches = await db.query<{ version: number }>(
      'select version from stepbase.run_context where run_id = $1 order by version',
      [runId],
    );
    const run = await db.query<{
      context: Record<string, unknown>;
      open_steps: number;
      status: string;
      token: boolean;
    }>(
      `select r.open_steps, r.status, stepbase.context(r) as context, exists (
         select from stepbase_queue.job j where j.name = 'steps' and j.data ->> 'run_id' = r.id::text
       ) as token
       from stepbase.runs r where id = $1`,
      [runId],
    );
    return {
      statuses: Object.fromEntries(steps.rows.map((s) => [s.step_id, s.status])),
      next: works.filter(({ fence }) => fence > 0).map((work) => work.step_id),
      refused: works.some((work) => work.fence === 0),
      events: events.rows.map(({ text }) => text),
      seqs: events.rows.map(({ seq }) => Number(seq)),
      versions: patches.rows.map(({ version }) => version),
      context: run.rows[0]?.context ?? {},
      openSteps: run.rows[0]?.open_steps ?? -1,
      run: run.rows[0]?.status ?? '',
      token: run.rows[0]?.token ?? false,
    };
  } finally {
    await db.query('rollback');
    db.release();
  }
}

const CANCEL = "select stepbase_engine.end_runs(array[$1::uuid], 'cancelled', null)";
const GET_IN_LINE =
  "insert into stepbase_engine.run_backlog (run_id, app_code, priority) values ($1, 'acme', 0)";
const setStatus = (status: string) => `update stepbase.runs set status = '${status}' where id = $1`;

const CHOOSE = { id: 'choose', after: 'a', handle: 'left' };
const LEFT = { id: 'left', after: 'choose' };

describe('eagerly executed steps', () => {
  test('are completed in order, and their successors continue', async () => {
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
    ['after a step that is not completed', [LEFT]],
    ['without an edge', [{ id: 'end', after: 'a' }]],
  ])('are dropped %s', async (_, proposals: Proposal[]) => {
    const { statuses, next, versions, refused } = await propose(proposals);
    expect(refused).toBe(true);
    expect(statuses).toEqual({ a: 'completed', choose: 'running' });
    expect(next).toEqual(['choose']);
    expect(versions).toEqual([1]);
  });

  test('are dropped if the run was paused meanwhile', async () => {
    const { statuses, next } = await propose([CHOOSE, LEFT], (db, runId) =>
      db.query(setStatus('paused'), [runId]),
    );
    expect(statuses).toEqual({ a: 'completed', choose: 'ready' });
    expect(next).toEqual([]);
  });

  test('are dropped if the run was cancelled meanwhile', async () => {
    const { statuses, next } = await propose([CHOOSE, LEFT], (db, runId) =>
      db.query(CANCEL, [runId]),
    );
    expect(statuses).toEqual({ a: 'cancelled' });
    expect(next).toEqual([]);
  });

  test('are dropped if another worker has claimed their predecessor', async () => {
    const { statuses, next, refused } = await propose([CHOOSE, LEFT], undefined, 7);
    expect(refused).toBe(true);
    expect(statuses).toEqual({ a: 'running' });
    expect(next).toEqual([]);
  });

  test('are numbered without a gap when a call names the step before them twice', async () => {
    const { statuses, versions } = await play(async (db, runId) => {
      const [claimed] = await take(db, [runId]);
      const held = { stepRunId: claimed?.step_run_id ?? '', fence: 1 };
      return [{ id: 'a', held }, { id: 'a', held }, CHOOSE];
    });
    expect(statuses).toMatchObject({ a: 'completed', choose: 'completed' });
    expect(versions).toEqual([1, 2]);
  });

  test('a step that fails eagerly is executed again in its turn and fails once', async () => {
    const { run, all, statuses } = await b.run(
      [value('a'), value('b'), value('bad', '$error("no")'), value('c')],
      ['a > b', 'b > bad', 'bad > c'],
    );
    expect(run.status).toBe('failed');
    expect(statuses).toEqual({ a: 'completed', b: 'completed', bad: 'failed' });
    expect(all.filter((step) => step.step_id === 'bad')).toHaveLength(1);
  });

  test('a fan-out is executed eagerly as a whole, and its join counts every branch', async () => {
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

const A = { id: 'a', after: '' };
const RIGHT_PATH = [A, CHOOSE, LEFT];

describe('runs that start eagerly', () => {
  test('start on the token that delivered them, and continue after the executed steps', async () => {
    const { run, statuses, next, refused, events, seqs, versions, openSteps, token } =
      await begin(RIGHT_PATH);
    expect(run).toBe('running');
    expect(statuses).toEqual({
      a: 'completed',
      choose: 'completed',
      left: 'completed',
      right: 'skipped',
      join: 'running',
    });
    expect(next).toEqual(['join']);
    expect(refused).toBe(false);
    expect(events).toEqual([
      'run.created',
      'run.started',
      'step.completed a',
      'step.completed choose',
      'step.completed left',
      'step.skipped right',
      'step.started join',
    ]);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
    expect(versions).toEqual([1, 2, 3]);
    expect(openSteps).toBe(1);
    expect(token).toBe(true);
  });

  test('leave one event for each step that starts and completes in one transaction', async () => {
    const { run, step } = await b.run(
      [
        value('a'),
        node('choose', 'condition', { expression: '"left"' }),
        node('pause', 'delay', { ms: 1 }),
        value('end'),
      ],
      ['a > choose', 'choose > pause : left', 'pause > end'],
    );
    const { data, error } = await b.developer
      .from('run_events')
      .select('seq, event_type, step_id, payload')
      .eq('run_id', run.id)
      .order('seq')
      .overrideTypes<EventRow[], { merge: false }>();
    if (error) throw error;
    expect(data.map(({ seq }) => seq)).toEqual(data.map((_, index) => index + 1));
    const told = data.map(({ event_type, step_id, payload }) => [
      `${event_type} ${step_id}`,
      payload.from,
      payload.handle,
    ]);
    expect(told.filter(([name]) => /step.(started|completed) /.test(String(name)))).toEqual([
      ['step.completed a', [], undefined],
      ['step.completed choose', ['a'], 'left'],
      ['step.started pause', ['choose'], undefined],
      ['step.completed pause', undefined, undefined],
      ['step.started end', undefined, undefined],
      ['step.completed end', undefined, undefined],
    ]);
    for (const { event_type, step_id, payload } of data) {
      if (event_type !== 'step.completed') continue;
      const startsToo = step_id === 'a' || step_id === 'choose';
      const startedAt = payload.started_at && Date.parse(payload.started_at);
      expect(startedAt).toBe(startsToo ? Date.parse(step(step_id).started_at ?? '') : undefined);
    }
    expect(run.current_step).toBe('end');
  });

  test('tell the step that the run entered last', async () => {
    const { run } = await b.run([value('a'), value('b')], ['a > b']);
    expect(run.current_step).toBe('b');
  });

  test.each([
    ['has been paused', (db, id) => db.query(setStatus('paused'), [id])],
    ['was claimed by another worker', (db, id) => take(db, [id])],
    ['was cancelled', (db, id) => db.query(CANCEL, [id])],
    ['was enqueued again', (db, id) => db.query(GET_IN_LINE, [id])],
  ] as [string, Before][])('do not start if the run %s', async (_, before) => {
    const { statuses, next, refused } = await begin(RIGHT_PATH, before);
    expect(refused).toBe(true);
    expect(Object.values(statuses)).not.toContain('completed');
    expect(next).toEqual([]);
  });

  test.each([
    ['with a step that is not the first', [{ id: 'choose', after: '' }]],
    ['with a step that follows nothing', [CHOOSE]],
    ['with an error in a later step', [...RIGHT_PATH, { id: 'join', after: 'left' }]],
    ['twice', [A, A]],
  ])('do not start %s, and wait for a claim', async (_, proposals: Proposal[]) => {
    const { run, statuses, refused, events, token } = await begin(proposals);
    expect(refused).toBe(true);
    expect(run).toBe('pending');
    expect(statuses).toEqual({});
    expect(events).toEqual(['run.created']);
    expect(token).toBe(true);
  });

  test('complete in one transaction and leave no token', async () => {
    const { run, all } = await b.run(
      [value('a', '1'), value('b', 'steps.a.output + 1')],
      ['a > b'],
    );
    expect(run).toMatchObject({ status: 'completed', output: { b: 2 } });
    expect(new Set(all.map((step) => step.completed_at)).size).toBe(1);
    const { rows } = await b.db.query<{ count: number }>(
      "select count(*)::int from stepbase_queue.job where data ->> 'run_id' = $1",
      [run.id],
    );
    expect(rows).toEqual([{ count: 0 }]);
  });

  test('execute a failing first step again in its turn, and it fails once', async () => {
    const { run, all } = await b.run([value('bad', '$error("no")'), value('c')], ['bad > c']);
    expect(run.status).toBe('failed');
    expect(all.map(({ step_id, status }) => [step_id, status])).toEqual([['bad', 'failed']]);
  });

  test('have no start data in a redelivered token, so the run is claimed', async () => {
    const outcome = await play(async (db, runId) => {
      await db.query(
        `update stepbase_queue.job set state = 'active', started_on = now() where data ->> 'run_id' = $1`,
        [runId],
      );
      const before = await db.query<{ start: unknown }>(
        "select data -> 'start' as start from stepbase_queue.job where data ->> 'run_id' = $1",
        [runId],
      );
      expect(before.rows[0]?.start).toMatchObject({ app_code: 'acme', input: {} });
      await db.query(
        "select stepbase_engine.return_tokens(array(select id from stepbase_queue.job where data ->> 'run_id' = $1))",
        [runId],
      );
      const after = await db.query<{ start: unknown }>(
        "select data -> 'start' as start from stepbase_queue.job where data ->> 'run_id' = $1",
        [runId],
      );
      expect(after.rows[0]?.start).toBeNull();
      return RIGHT_PATH;
    });
    expect(outcome.run).toBe('running');
  });
});
