// Steps that expressions read: each must exist, and a path of edges must lead from it. stepbase_private.reference_problems
// reports the same, with the same words, where SQL can decide.

import type { ScopePath } from '../expressions/scope-paths.ts';
import { nearestWord } from '../text/nearest.ts';
import { type Fault, suggestion } from './fault.ts';
import type { Graph, GraphNode, Part } from './graph.ts';

export function referenceFault(
  { names }: ScopePath,
  part: Part,
  node: GraphNode,
  graph: Graph,
  ancestors: () => ReadonlySet<string>,
): Omit<Fault, 'node' | 'pointer'> | undefined {
  const [root, id] = names;
  if (root !== 'steps' || id === undefined) return undefined;
  if (!graph.nodes.has(id)) {
    const others = [...graph.nodes.keys()].filter((other) => other !== node.id);
    return {
      code: 'unknown_reference',
      message: `steps.${id} is read, but the workflow has no such step`,
      severity: 'error',
      ...suggestion(nearestWord(id, others)),
    };
  }
  // A compensation may read the output of the step it belongs to.
  if (part.kind === 'compensation' && id === node.id) return undefined;
  if (ancestors().has(id)) return undefined;
  return {
    code: 'reference_not_upstream',
    message: `steps.${id} is read, but no path leads from ${id} to ${node.id}`,
    severity: 'error',
  };
}
