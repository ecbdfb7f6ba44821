// Random graphs: the engine against a reference interpreter that fits on a page. Each case is a graph
// with conditions, failures, joins and error edges; statuses and output must be those of the interpreter.

import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { type Bench, bench, type Ended, type Node, node } from './support.ts';

const CASES = 60;
const CASES_AT_A_TIME = 20;
const LABELS = ['true', 'false', 'other'];

interface Step {
  kind: 'value' | 'condition' | 'fails';
  /** The label that a condition chooses. */
  label: number;
  continues: boolean;
  any: boolean;
}

interface Edge {
  from: number;
  to: number;
  /** Index into HANDLES of the source's kind. */
  handle: number;
}

interface Graph {
  steps: Step[];
  edges: Edge[];
}

const stepOf = fc.record<Step>({
  kind: fc.oneof(
    { weight: 5, arbitrary: fc.constant('value' as const) },
    { weight: 3, arbitrary: fc.constant('condition' as const) },
    { weight: 1, arbitrary: fc.constant('fails' as const) },
  ),
  label: fc.nat(2),
  continues: fc.boolean(),
  any: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
});

/** Edges go from lower to higher numbers, so there is no cycle. */
const graphOf: fc.Arbitrary<Graph> = fc
  .array(stepOf, { minLength: 1, maxLength: 12 })
  .chain((steps) =>
    fc
      .uniqueArray(fc.record<Edge>({ from: fc.nat(20), to: fc.nat(20), handle: fc.nat(5) }), {
        maxLength: 60,
        selector: ({ from, to }) => `${from}>${to}`,
      })
      .map((edges) => ({
        steps,
        edges: edges.filter(({ from, to }) => from < to && to < steps.length),
      })),
  );

const idOf = (index: number) => `s${index}`;

/** What an edge asks of its source: a label of a condition, 'error', or nothing. */
function handleOf(graph: Graph, edge: Edge): string | undefined {
  const source = graph.steps[edge.from];
  if (source?.kind === 'condition') return [...LABELS, undefined, 'true', 'error'][edge.handle];
  return edge.handle === 0 ? 'error' : undefined;
}

type Status = 'completed' | 'failed' | 'skipped';

interface Outcome {
  run: 'completed' | 'failed';
  statuses: Record<string, Status>;
  output: Record<string, unknown> | null;
}

/**
 * The reference: steps in order of their numbers, which is an order of the graph. In a run that fails,
 * what runs beside the failure is a matter of time; `statuses` then only says what is reachable.
 */
function interpret(graph: Graph): Outcome {
  const statuses: Record<string, Status> = {};
  const chosen: (string | undefined)[] = [];
  const output: Record<string, unknown> = {};
  let fatal = false;
  for (const [i, step] of graph.steps.entries()) {
    const incoming = graph.edges.filter(({ to }) => to === i);
    const outgoing = graph.edges.filter(({ from }) => from === i);
    const taken = incoming.filter((edge) => {
      const handle = handleOf(graph, edge);
      const status = statuses[idOf(edge.from)];
      if (status === 'completed') return handle === undefined || handle === chosen[edge.from];
      return status === 'failed' && handle === chosen[edge.from];
    });
    if (incoming.length > 0 && taken.length === 0) statuses[idOf(i)] = 'skipped';
    else if (step.kind === 'fails') {
      const caught = outgoing.some((edge) => handleOf(graph, edge) === 'error');
      statuses[idOf(i)] = 'failed';
      chosen[i] = caught ? 'error' : undefined;
      fatal ||= !caught && !step.continues;
      if (outgoing.length === 0) output[idOf(i)] = 'error';
    } else {
      statuses[idOf(i)] = 'completed';
      if (step.kind === 'condition') chosen[i] = LABELS[step.label];
      if (outgoing.length === 0) output[idOf(i)] = step.kind === 'condition' ? chosen[i] : i;
    }
  }
  return { run: fatal ? 'failed' : 'completed', statuses, output: fatal ? null : output };
}

function draw(graph: Graph): { nodes: Node[]; lines: string[] } {
  const nodes = graph.steps.map((step, i) => {
    const options = {
      ...(step.continues ? { on_error: 'continue' as const } : {}),
      ...(step.any ? { join: 'any' as const } : {}),
    };
    if (step.kind === 'condition') {
      const expression = JSON.stringify(LABELS[step.label]);
      return node(idOf(i), 'condition', { expression }, options);
    }
    const expression = step.kind === 'fails' ? `$error("no")` : `${i}`;
    return node(idOf(i), 'transform', { expression }, options);
  });
  const lines = graph.edges.map((edge) => {
    const handle = handleOf(graph, edge);
    return `${idOf(edge.from)} > ${idOf(edge.to)}${handle ? ` : ${handle}` : ''}`;
  });
  return { nodes, lines };
}

function compare(graph: Graph, ended: Ended): void {
  const expected = interpret(graph);
  expect(ended.run.status).toBe(expected.run);
  if (expected.run === 'completed') {
    expect(ended.statuses).toEqual(expected.statuses);
    const output = Object.entries(ended.run.output as Record<string, unknown>).map(
      ([id, value]) => [
        id,
        typeof value === 'object' && value !== null && 'error' in value ? 'error' : value,
      ],
    );
    expect(Object.fromEntries(output)).toEqual(expected.output);
    return;
  }
  expect(ended.run.output).toBeNull();
  expect(expected.statuses[(ended.run.error as { step_id: string }).step_id]).toBe('failed');
  for (const [id, status] of Object.entries(ended.statuses)) {
    expect(['cancelled', expected.statuses[id]]).toContain(status);
  }
}

let b: Bench;
beforeAll(async () => {
  b = await bench();
});

async function check(graph: Graph): Promise<void> {
  const { nodes, lines } = draw(graph);
  const { id } = await b.start(await b.publish(nodes, lines));
  compare(graph, await b.ended(id));
}

test('the engine does with a random graph what the reference interpreter does', async () => {
  // A number of graphs makes one case, so that their runs are under way together.
  await fc.assert(
    fc.asyncProperty(
      fc.array(graphOf, { minLength: CASES_AT_A_TIME, maxLength: CASES_AT_A_TIME, size: 'max' }),
      async (graphs) => {
        await Promise.all(graphs.map(check));
      },
    ),
    { numRuns: CASES / CASES_AT_A_TIME, endOnFailure: true },
  );
}, 60_000);
