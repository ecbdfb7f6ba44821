// Random graphs: the engine against a short reference interpreter. Each case is a graph with conditions, failures,
// retries, lists, joins and error edges; statuses, attempts and output must equal those of the interpreter.

import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Shop } from '../../scripts/fakes/shop.ts';
import type { Database } from '../../types/database.ts';
import { type Ended, type Node, node, type TestApp, value } from './support.ts';

type RunEvent = Database['stepbase']['Tables']['run_events']['Row'];

const ATTEMPTS = 2;
const LABELS = ['true', 'false', 'other'];

interface Step {
  kind: 'value' | 'condition' | 'fails' | 'flaky' | 'list';
  /** The label that a condition chooses, the failures of a flaky step, or the length of a list (two: and its third fails). */
  n: number;
  continues: boolean;
  any: boolean;
}

interface Edge {
  from: number;
  to: number;
  /** Index into HANDLES of the source's kind. */
  handle: number;
}

export interface Graph {
  steps: Step[];
  edges: Edge[];
}

const stepOf = fc.record<Step>({
  kind: fc.oneof(
    { weight: 5, arbitrary: fc.constant('value' as const) },
    { weight: 3, arbitrary: fc.constant('condition' as const) },
    { weight: 1, arbitrary: fc.constant('fails' as const) },
    { weight: 1, arbitrary: fc.constant('flaky' as const) },
    { weight: 1, arbitrary: fc.constant('list' as const) },
  ),
  n: fc.nat(2),
  continues: fc.boolean(),
  any: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
});

/** Edges go from lower to higher numbers, so there is no cycle. */
export const graphOf: fc.Arbitrary<Graph> = fc
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

/** The handle of an edge: a label of a condition, 'error', or none. */
function handleOf(graph: Graph, edge: Edge): string | undefined {
  const source = graph.steps[edge.from];
  if (source?.kind === 'condition') return [...LABELS, undefined, 'true', 'error'][edge.handle];
  return edge.handle === 0 ? 'error' : undefined;
}

type Status = 'completed' | 'failed' | 'skipped';

interface Outcome {
  statuses: Record<string, Status>;
  output: Record<string, unknown>;
  /** The steps whose failure is not caught: any of them ends the run. */
  fatal: string[];
}

/** A flaky step fails n times; a list fails in its third item, which has the error as its result if the list continues. */
const fails = ({ kind, n, continues }: Step) =>
  kind === 'fails' ||
  (kind === 'flaky' && n >= ATTEMPTS) ||
  (kind === 'list' && n === 2 && !continues);

function outputOf(step: Step, i: number): unknown {
  if (fails(step)) return 'error';
  if (step.kind === 'list') return [i, i, 'error'].slice(0, step.n === 2 ? 3 : step.n);
  return step.kind === 'condition' ? LABELS[step.n] : i;
}

/** The reference: steps in order of their numbers, which is an order of the graph. */
function interpret(graph: Graph): Outcome {
  const outcome: Outcome = { statuses: {}, output: {}, fatal: [] };
  const taken = new Set<Edge>();
  for (const [i, step] of graph.steps.entries()) {
    const incoming = graph.edges.filter(({ to }) => to === i);
    const outgoing = graph.edges.filter(({ from }) => from === i);
    const skipped = incoming.length > 0 && !incoming.some((edge) => taken.has(edge));
    const failed = !skipped && fails(step);
    const caught = failed && outgoing.some((edge) => handleOf(graph, edge) === 'error');
    const chosen = caught ? 'error' : step.kind === 'condition' ? LABELS[step.n] : undefined;
    for (const edge of skipped ? [] : outgoing) {
      const handle = handleOf(graph, edge);
      if (handle === chosen || (handle === undefined && !caught)) taken.add(edge);
    }
    outcome.statuses[idOf(i)] = skipped ? 'skipped' : failed ? 'failed' : 'completed';
    if (failed && !caught && !step.continues) outcome.fatal.push(idOf(i));
    if (!skipped && outgoing.length === 0) outcome.output[idOf(i)] = outputOf(step, i);
  }
  return outcome;
}

/** For a step that has ended: the steps that must have ended too, and those that cannot end while its edges are open. */
function around({ steps, edges }: Graph, id: string): { before: Set<string>; behind: Set<string> } {
  const [before, behind] = [new Set([id]), new Set([id])];
  for (const { from, to } of edges.toSorted((x, y) => y.to - x.to)) {
    if (before.has(idOf(to)) && !steps[to]?.any) before.add(idOf(from));
  }
  for (const { from, to } of edges.toSorted((x, y) => x.from - y.from)) {
    if (behind.has(idOf(from)) && !steps[to]?.any) behind.add(idOf(to));
  }
  behind.delete(id);
  return { before, behind };
}

const RETRY = { max_attempts: ATTEMPTS, backoff: 'fixed', delay_ms: 1 };

function nodeOf(step: Step, i: number, key: string, shop: Shop): Node {
  const options = {
    ...(step.continues ? { on_error: 'continue' as const } : {}),
    ...(step.any ? { join: 'any' as const } : {}),
  };
  const id = idOf(i);
  switch (step.kind) {
    case 'condition':
      return node(id, 'condition', { expression: JSON.stringify(LABELS[step.n]) }, options);
    case 'flaky': {
      const url = `${shop.url}/flaky/${key}-${id}?fail=${step.n}`;
      return node(id, 'http_request', { url }, { ...options, retry: RETRY });
    }
    case 'list': {
      const items = [1, 2, 3].slice(0, step.n === 2 ? 3 : step.n);
      const item = { type: 'transform', config: { expression: `item = 3 ? $error("no") : ${i}` } };
      return node(id, 'for_each', { items, step: item, concurrency: 2 }, options);
    }
    default:
      return value(id, step.kind === 'fails' ? `$error("no")` : `${i}`, options);
  }
}

export function draw(graph: Graph, shop: Shop): { nodes: Node[]; lines: string[] } {
  const key = randomUUID();
  const nodes = graph.steps.map((step, i) => nodeOf(step, i, key, shop));
  const lines = graph.edges.map((edge) => {
    const handle = handleOf(graph, edge);
    return `${idOf(edge.from)} > ${idOf(edge.to)}${handle ? ` : ${handle}` : ''}`;
  });
  return { nodes, lines };
}

/** Makes outputs comparable: all errors are equal, and a response of the shop equals the number of its step. */
export function plain(output: Record<string, unknown>): Record<string, unknown> {
  const plainly = (id: string, of: unknown): unknown => {
    if (Array.isArray(of)) return of.map((one) => plainly(id, one));
    if (typeof of !== 'object' || of === null) return of;
    return 'error' in of ? 'error' : Number(id.slice(1));
  };
  return Object.fromEntries(Object.entries(output).map(([id, of]) => [id, plainly(id, of)]));
}

/** What a comparison reads of a run that has ended. */
export interface Compared {
  run: Pick<Ended['run'], 'status' | 'output' | 'error'>;
  statuses: Ended['statuses'];
  all: readonly Pick<Ended['all'][number], 'step_id'>[];
}

export function compare(graph: Graph, { run, statuses, all }: Compared): void {
  const expected = interpret(graph);
  const attempts = Map.groupBy(all, (step) => step.step_id);
  for (const [i, { kind, n }] of graph.steps.entries()) {
    if (kind !== 'flaky' || statuses[idOf(i)] !== expected.statuses[idOf(i)]) continue;
    const made = statuses[idOf(i)] === 'skipped' ? 1 : Math.min(n + 1, ATTEMPTS);
    expect(attempts.get(idOf(i)), `attempts of ${idOf(i)}`).toHaveLength(made);
  }
  if (expected.fatal.length === 0) {
    expect(run.status).toBe('completed');
    expect(statuses).toEqual(expected.statuses);
    expect(plain(run.output as Record<string, unknown>)).toEqual(expected.output);
    return;
  }
  expect(run).toMatchObject({ status: 'failed', output: null });
  const { step_id } = run.error as { step_id: string };
  expect(expected.fatal).toContain(step_id);
  // Steps beside the failure may or may not have run; its predecessors have, and steps that wait for it have not.
  const { before, behind } = around(graph, step_id);
  for (const id of Object.keys(expected.statuses)) {
    if (before.has(id)) expect(statuses[id], id).toBe(expected.statuses[id]);
    else if (behind.has(id)) expect(['cancelled', undefined], id).toContain(statuses[id]);
    else expect(['cancelled', undefined, expected.statuses[id]], id).toContain(statuses[id]);
  }
}

/** The error of `check` with the graph, which repeats the case. */
export function explained(graph: Graph, check: () => void): void {
  try {
    check();
  } catch (error) {
    throw new Error(`${JSON.stringify(graph)}: ${(error as Error).message}`, { cause: error });
  }
}

/** What an event of a run says about the order of its steps. */
export type Ordered = Pick<RunEvent, 'seq' | 'event_type' | 'step_id'>;

const ENDS = ['step.completed', 'step.failed', 'step.skipped'];

/** The events of the steps of a run, without those of items. */
export async function orderOf(b: TestApp, runId: string): Promise<Ordered[]> {
  const { data, error } = await b.developer
    .from('run_events')
    .select('seq, event_type, step_id')
    .eq('run_id', runId)
    .eq('item_index', 0)
    .not('step_id', 'is', null)
    .order('seq');
  if (error) throw new Error(error.message);
  return data;
}

/** No step starts before those that it waits for have ended: all of them, or the first one. */
export function compareOrder(graph: Graph, events: readonly Ordered[]): void {
  const seqs = (id: string, types?: readonly string[]) =>
    events
      .filter(({ step_id, event_type }) => step_id === id && (types?.includes(event_type) ?? true))
      .map(({ seq }) => seq);
  for (const [i, { any }] of graph.steps.entries()) {
    const begin = Math.min(...seqs(idOf(i)));
    const sources = graph.edges.filter(({ to }) => to === i);
    if (begin === Number.POSITIVE_INFINITY || sources.length === 0) continue;
    const ends = sources.map(({ from }) => Math.max(-1, ...seqs(idOf(from), ENDS)));
    // A step that the end of the run cancels has no sources that ended.
    const isCancelled = seqs(idOf(i), ['step.cancelled']).includes(begin);
    if (isCancelled) continue;
    const isAfter = ends.map((end) => end >= 0 && end < begin);
    expect(any ? isAfter.includes(true) : !isAfter.includes(false), `${idOf(i)} waits`).toBe(true);
  }
}

/** Runs `cases` sets of up to `graphs` graphs each; the runs of a set are in flight together. */
export async function checkRandomGraphs(
  { b, shop }: { b: TestApp; shop: Shop },
  options: { cases: number; graphs: number; limitMs: number },
): Promise<void> {
  async function check(graph: Graph): Promise<void> {
    const { nodes, lines } = draw(graph, shop);
    const { id } = await b.start(await b.publish(nodes, lines));
    compare(graph, await b.ended(id));
    compareOrder(graph, await orderOf(b, id));
  }
  const property = fc.asyncProperty(
    fc.array(graphOf, { minLength: 1, maxLength: options.graphs, size: 'max' }),
    async (graphs) => {
      await Promise.all(graphs.map(check));
    },
  );
  await fc.assert(property, {
    numRuns: options.cases,
    // Also bounds the search for a smaller counterexample.
    interruptAfterTimeLimit: options.limitMs,
    markInterruptAsFailure: true,
  });
}
