// The checker of definitions: everything that SQL cannot decide. It serves validate, save and publish of the HTTP API, the
// worker after a publish by RPC, and `npm run explain`.
//
// To add a check of expressions, write a function that returns the faults of one expression in a file of its own, and add it
// to `expressionChecks`.

import { setImmediate } from 'node:timers';
import { childInputFaults } from './child-input.ts';
import { conditionFaults } from './conditions.ts';
import type { CheckContext } from './context.ts';
import { type Expression, expressionsOf, type Parsed } from './expressions.ts';
import type { Fault } from './fault.ts';
import { type Graph, type GraphNode, type Part, readGraph } from './graph.ts';
import { literalFaults } from './literals.ts';
import { outputSchema } from './outputs.ts';
import { type Known, pathFault } from './paths.ts';
import { promptFaults } from './prompts.ts';
import { referenceFault } from './references.ts';

export type { CheckContext } from './context.ts';
export type { Fault } from './fault.ts';
export { mergeFaults, type SqlProblem } from './merge.ts';
export { CHECKER_VERSION } from './version.ts';

const maxFaults = 1_000;
/** After this time, other work of the process gets a turn. */
const sliceMs = 20;

interface Subject {
  graph: Graph;
  node: GraphNode;
  part: Part;
  known: Known;
  ancestors: () => ReadonlySet<string>;
}

type Found = Omit<Fault, 'node' | 'pointer'>;

/** The checks of one expression. */
const expressionChecks: readonly ((expression: Expression, subject: Subject) => Found[])[] = [
  (expression, { graph, node, part, known, ancestors }) =>
    expression.paths.flatMap((path) => {
      const fault =
        referenceFault(path, part, node, graph, ancestors) ??
        pathFault(path, expression, part, known);
      return fault === undefined ? [] : [fault];
    }),
];

/** All faults, in the order of the nodes; at most 1,000. */
export async function checkDefinition(
  definition: unknown,
  context: CheckContext = {},
): Promise<Fault[]> {
  const graph = readGraph(definition);
  const parsed = new Map<Part, Parsed>();
  const pause = pauses();
  for (const node of graph.nodes.values()) {
    for (const part of node.parts) {
      parsed.set(part, await expressionsOf(part));
      await pause();
    }
  }
  const known: Known = { context, outputOf: cached((id) => outputOf(id, graph, parsed, context)) };
  const faults: Fault[] = [];
  for (const node of graph.nodes.values()) {
    if (faults.length >= maxFaults) break;
    faults.push(...(await nodeFaults(node, graph, parsed, known)));
    await pause();
  }
  return faults.slice(0, maxFaults);
}

async function nodeFaults(
  node: GraphNode,
  graph: Graph,
  parsed: ReadonlyMap<Part, Parsed>,
  known: Known,
): Promise<Fault[]> {
  const ancestors = once(() => graph.ancestorsOf(node.id));
  const faults: Fault[] = [];
  for (const part of node.parts) {
    const { expressions, problems } = parsed.get(part) ?? { expressions: [], problems: [] };
    for (const problem of problems) faults.push({ node: node.id, severity: 'error', ...problem });
    faults.push(...literalFaults(part, node.id));
    faults.push(...(await childInputFaults(part, node.id, known.context)));
    faults.push(...promptFaults(part, node.id, known.context));
    for (const expression of expressions) {
      const subject = { graph, node, part, known, ancestors };
      for (const check of expressionChecks) {
        for (const found of check(expression, subject)) {
          faults.push({ node: node.id, pointer: expression.pointer, ...found });
        }
      }
    }
    if (part.kind === 'step' && part.type.name === 'condition') {
      faults.push(...conditionFaults(node, expressions[0]?.ast, graph));
    }
  }
  return distinct(faults);
}

function outputOf(
  id: string,
  graph: Graph,
  parsed: ReadonlyMap<Part, Parsed>,
  context: CheckContext,
): unknown {
  const node = graph.nodes.get(id);
  const part = node?.parts.find(({ kind }) => kind === 'step');
  if (node === undefined || part === undefined) return undefined;
  return outputSchema(node, parsed.get(part)?.expressions ?? [], context);
}

function distinct(faults: readonly Fault[]): Fault[] {
  const seen = new Set<string>();
  return faults.filter(({ pointer, code, message }) => {
    const key = JSON.stringify([pointer, code, message]);
    return !seen.has(key) && seen.add(key);
  });
}

function once<T>(work: () => T): () => T {
  let value: { is: T } | undefined;
  return () => {
    value ??= { is: work() };
    return value.is;
  };
}

function cached(work: (id: string) => unknown): (id: string) => unknown {
  const values = new Map<string, unknown>();
  return (id) => {
    if (!values.has(id)) values.set(id, work(id));
    return values.get(id);
  };
}

function pauses(): () => Promise<void> {
  let start = performance.now();
  return async () => {
    if (performance.now() - start < sliceMs) return;
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
    start = performance.now();
  };
}
