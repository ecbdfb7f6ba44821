// complete has a short way for a call with one result. It must write what the way for many results writes: a run that
// is completed alone ends with the same rows as one whose results share their calls with those of another run.

import type pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { node, type TestApp, testApp, value } from './support.ts';
import { take } from './tokens.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

type Nodes = Parameters<TestApp['publish']>[0];

interface Graph {
  nodes: Nodes;
  edges: string[];
  /** The handles that steps choose. */
  handles?: Record<string, string>;
}

const choose = node('choose', 'condition', { expression: '"left"' });

const graphs: Record<string, Graph> = {
  'a chain': { nodes: [value('a'), value('b'), value('c')], edges: ['a > b', 'b > c'] },
  'a handle that takes the only edge': {
    nodes: [choose, value('left')],
    edges: ['choose > left : left'],
    handles: { choose: 'left' },
  },
  'a handle that does not take the only edge': {
    nodes: [choose, value('left'), value('end')],
    edges: ['choose > left : left', 'left > end'],
    handles: { choose: 'right' },
  },
  'a choice between branches that join': {
    nodes: [choose, value('left'), value('right'), value('join'), value('end')],
    edges: [
      'choose > left : left',
      'choose > right : right',
      'left > join',
      'right > join',
      'join > end',
    ],
    handles: { choose: 'left' },
  },
  'parallel branches that join': {
    nodes: [value('a'), value('b'), value('c'), value('join')],
    edges: ['a > b', 'a > c', 'b > join', 'c > join'],
  },
};

interface Work {
  run_id: string;
  step_run_id: string;
  step_id: string;
  fence: number;
}

async function complete(db: pg.PoolClient, works: readonly Work[], handles: Graph['handles'] = {}) {
  const none = works.map(() => null);
  const { rows } = await db.query<Work>(
    'select * from stepbase_engine.complete($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)',
    [
      works.map((work) => work.run_id),
      works.map((work) => work.step_run_id),
      works.map((work) => work.fence),
      works.map((work) => JSON.stringify({ of: work.step_id })),
      works.map((work) => JSON.stringify(work.step_id)),
      works.map((work) => handles[work.step_id] ?? null),
      works.map(() => JSON.stringify({ logs: ['line'] })),
      ...[none, none, none],
    ],
  );
  return rows;
}

/** Executes a run to its end; `size`: how many runs share each call. Returns the rows without ids and times. */
async function rowsOf(graph: Graph, size: number) {
  const name = await b.publish(graph.nodes, graph.edges);
  const db = await b.db.connect();
  try {
    await db.query('begin');
    const runIds: string[] = [];
    for (let i = 0; i < size; i += 1) {
      const { rows } = await db.query<{ id: string }>(
        `select (stepbase_engine.start_run('acme', w.published_version_id, '{}')).id
         from stepbase.workflows w where w.kebab_name = $1`,
        [name],
      );
      runIds.push(rows[0]?.id ?? '');
    }
    let works = (await take(db, runIds)) as Work[];
    const next: string[][] = [];
    while (works.length > 0) {
      // One step of each run: branches take turns.
      const turn = works.filter(
        (work, at) => works.findIndex((w) => w.run_id === work.run_id) === at,
      );
      const rest = works.filter((work) => !turn.includes(work));
      const found = await complete(db, turn, graph.handles);
      next.push(found.filter((work) => work.run_id === runIds[0]).map((work) => work.step_id));
      works = [...rest, ...found.toSorted((one, other) => (one.step_id < other.step_id ? -1 : 1))];
    }
    const read = async (sql: string) => (await db.query<{ row: unknown }>(sql, [runIds[0]])).rows;
    return {
      next,
      run: await read(
        `select to_jsonb(r) - '{id,created_at,updated_at,started_at,completed_at,duration_ms,deadline_at,trace_id}'::text[] as row
         from stepbase.runs r where r.id = $1`,
      ),
      steps: await read(
        `select to_jsonb(s) - '{id,run_id,job_id,created_at,updated_at,started_at,completed_at,duration_ms}'::text[]
           || jsonb_build_object('has_job', s.job_id is not null, 'has_started', s.started_at is not null) as row
         from stepbase.step_runs s where s.run_id = $1 order by s.step_id`,
      ),
      events: await read(
        `select to_jsonb(e) - '{run_id,created_at}'::text[] as row
         from stepbase.run_events e where e.run_id = $1 order by e.seq`,
      ),
      tokens: await read(
        `select j.state::text as row from stepbase_queue.job j
         where j.name = 'steps' and j.data ->> 'run_id' = $1`,
      ),
    };
  } finally {
    await db.query('rollback');
    db.release();
  }
}

describe('one result alone', () => {
  test.each(Object.keys(graphs))('%s: writes what many results write', async (name) => {
    const graph = graphs[name] as Graph;
    const alone = await rowsOf(graph, 1);
    expect(alone.run[0]?.row).toMatchObject({ status: 'completed', open_steps: 0 });
    const together = await rowsOf(graph, 2);
    // Each published the graph as a workflow of its own.
    const comparable = (rows: typeof alone) =>
      JSON.parse(
        JSON.stringify(rows).replaceAll(/"(workflow_id|workflow_version_id)":"[^"]+"/g, '"$1":""'),
      ) as typeof alone;
    expect(comparable(alone)).toEqual(comparable(together));
  });

  test('with another fence changes nothing, and the worker learns of it', async () => {
    const name = await b.publish([value('a'), value('b')], ['a > b']);
    const db = await b.db.connect();
    try {
      await db.query('begin');
      const { rows } = await db.query<{ id: string }>(
        `select (stepbase_engine.start_run('acme', w.published_version_id, '{}')).id
         from stepbase.workflows w where w.kebab_name = $1`,
        [name],
      );
      const [work] = (await take(db, [rows[0]?.id ?? ''])) as Work[];
      if (!work) throw new Error('the run has no step');
      const refused = await complete(db, [{ ...work, fence: work.fence + 1 }]);
      expect(refused).toMatchObject([{ run_id: work.run_id, fence: 0 }]);
      expect(await complete(db, [work])).toMatchObject([{ step_id: 'b', fence: 1 }]);
      // Repeated: the first one counts.
      expect(await complete(db, [work])).toMatchObject([{ run_id: work.run_id, fence: 0 }]);
    } finally {
      await db.query('rollback');
      db.release();
    }
  });
});
