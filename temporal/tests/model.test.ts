// The model test of the engine on Temporal: random graphs must end with the statuses, attempts and outputs of the
// reference interpreter. Each history is executed again, which proves that the workflow code is deterministic.

import { randomUUID } from 'node:crypto';
import { temporal as protos } from '@temporalio/proto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Version } from '../../functions/_shared/compile/index.ts';
import { type Shop, startShop } from '../../scripts/fakes/shop.ts';
import { scaled } from '../../scripts/test/time.ts';
import {
  type Compared,
  compare,
  draw,
  explained,
  type Graph,
  graphOf,
} from '../../tests/engine/random-graphs.ts';
import { stepOf } from './history.ts';
import { hostWorkflows } from './host.ts';
import { endsOf, type Started, temporal, version } from './support.ts';

const t = temporal();
let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(() => shop?.stop());

const SETS = 5;
const BUDGET_MS = scaled(90_000);

const { EventType } = protos.api.enums.v1;

async function endOf(run: Started, graph: Graph, of: Version): Promise<Compared> {
  await run.handle.result();
  const state = await run.progress();
  const { events } = await run.handle.fetchHistory();
  // A workflow task that fails is repeated after a growing pause, until it succeeds.
  const failed = (events ?? []).flatMap(({ workflowTaskFailedEventAttributes: at }) =>
    at ? [at.failure?.message] : [],
  );
  expect(failed).toEqual([]);
  const ends = endsOf(state);
  const { ending } = state;
  const sources = new Set(
    (of.definition as { edges: { source: string }[] }).edges.map(({ source }) => source),
  );
  const outputs = Object.entries(ends).flatMap(([id, end]) =>
    end.status === 'skipped' || sources.has(id) ? [] : [[id, end.output] as const],
  );
  const statuses = Object.fromEntries(Object.entries(ends).map(([id, { status }]) => [id, status]));
  if (ending?.error.step_id !== undefined) statuses[ending.error.step_id] = 'failed';
  const attempted = (events ?? []).flatMap(
    ({ eventType, activityTaskScheduledEventAttributes: at }) =>
      eventType === EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED && at?.activityId
        ? [{ step_id: stepOf(at.activityId).node }]
        : [],
  );
  const local = graph.steps.flatMap((_, at) => (`s${at}` in ends ? [{ step_id: `s${at}` }] : []));
  return {
    run: ending
      ? { status: ending.status, output: null, error: ending.error as never }
      : { status: 'completed', output: Object.fromEntries(outputs) as never, error: null },
    statuses,
    // A skipped step counts as one attempt, as its row does.
    all: [
      ...attempted,
      ...local.filter(({ step_id: id }) => !attempted.some((a) => a.step_id === id)),
    ],
  };
}

async function check(graphs: readonly Graph[]): Promise<void> {
  const drawn = graphs.map((graph) => {
    const { nodes, lines } = draw(graph, shop);
    return { graph, of: version(nodes, lines) };
  });
  const { connection } = t;
  const queue = `model-${randomUUID()}`;
  const versions = drawn.map(({ of }) => of);
  const host = await hostWorkflows({ connection, versions, queue });
  try {
    const handles = await Promise.all(
      drawn.map(async ({ graph, of }) => {
        const run = await t.start(of, {}, queue);
        const end = await endOf(run, graph, of);
        explained(graph, () => compare(graph, end));
        return run.handle;
      }),
    );
    await host.replay(handles);
  } finally {
    await host.stop();
  }
}

test('compiled graphs end as the reference interpreter says, and so do their histories again', async () => {
  const sets = fc.sample(fc.array(graphOf, { minLength: 8, maxLength: 16, size: 'max' }), SETS);
  const until = Date.now() + BUDGET_MS;
  for (const [at, graphs] of sets.entries()) {
    // On a slow machine fewer of them: workers cannot be abandoned in the middle.
    if (at > 0 && Date.now() > until) return;
    await check(graphs);
  }
});

test('the reference finds a wrong result', () => {
  const graph: Graph = {
    steps: [{ kind: 'value', n: 0, continues: false, any: false }],
    edges: [],
  };
  const ended = {
    run: { status: 'completed', output: { s0: 1 }, error: null },
    statuses: { s0: 'completed' },
    all: [],
  };
  expect(() => compare(graph, ended as unknown as Compared)).toThrow();
});
