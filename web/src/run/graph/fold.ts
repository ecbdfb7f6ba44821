// Folds a large graph into fewer units: a unit is a step, or a group of steps that are drawn as one.
//  * `chains`: steps in a row without branches are one unit.
//  * `finished`: connected steps that the run is through with are one unit, so that the open part remains.
//  * `failed`: only the steps that failed, with their neighbours.
import type { WorkflowEdge, WorkflowNode } from '../../shared/supabase.ts';
import type { StepState } from './states.ts';

export type FoldMode = 'all' | 'chains' | 'finished' | 'failed';

export interface Unit {
  /** That of its first step. */
  id: string;
  /** Ids of steps, in the order of the graph. */
  members: string[];
}

export interface UnitEdge {
  id: string;
  source: string;
  target: string;
  /** The edges that it stands for. */
  edges: WorkflowEdge[];
}

export interface Folded {
  units: Unit[];
  edges: UnitEdge[];
}

/** Shorter chains stay as they are. */
const SHORTEST_CHAIN = 3;
const FINISHED = new Set(['completed', 'skipped']);

/** Disjoint sets of steps. */
class Sets {
  readonly #parents = new Map<string, string>();
  find(id: string): string {
    let root = id;
    for (;;) {
      const parent = this.#parents.get(root);
      if (parent === undefined) break;
      root = parent;
    }
    if (root !== id) this.#parents.set(id, root);
    return root;
  }
  join(first: string, second: string): void {
    const a = this.find(first);
    const b = this.find(second);
    if (a !== b) this.#parents.set(b, a);
  }
}

function countBy(edges: readonly WorkflowEdge[], side: 'source_node_id' | 'target_node_id') {
  const counts = new Map<string, number>();
  for (const edge of edges) counts.set(edge[side], (counts.get(edge[side]) ?? 0) + 1);
  return counts;
}

function groups(
  edges: readonly WorkflowEdge[],
  states: ReadonlyMap<string, StepState>,
  mode: FoldMode,
  expanded: ReadonlySet<string>,
): Sets {
  const sets = new Sets();
  const outgoing = countBy(edges, 'source_node_id');
  const incoming = countBy(edges, 'target_node_id');
  const isFinished = (id: string) => {
    const state = states.get(id);
    return state !== undefined && (FINISHED.has(state.status) || state.isHandled);
  };
  for (const { source_node_id: source, target_node_id: target } of edges) {
    if (expanded.has(source) || expanded.has(target)) continue;
    const isOne =
      mode === 'chains'
        ? outgoing.get(source) === 1 && incoming.get(target) === 1
        : mode === 'finished' && isFinished(source) && isFinished(target);
    if (isOne) sets.join(source, target);
  }
  return sets;
}

/** The steps that failed, with the steps before and after them. */
function failedParts(
  edges: readonly WorkflowEdge[],
  states: ReadonlyMap<string, StepState>,
): Set<string> {
  const failed = new Set(
    [...states].filter(([, { status }]) => status === 'failed').map(([id]) => id),
  );
  const shown = new Set(failed);
  for (const { source_node_id, target_node_id } of edges) {
    if (failed.has(source_node_id)) shown.add(target_node_id);
    if (failed.has(target_node_id)) shown.add(source_node_id);
  }
  return shown;
}

/** `expanded`: steps that stay units of their own. */
export function fold(
  nodes: readonly WorkflowNode[],
  edges: readonly WorkflowEdge[],
  states: ReadonlyMap<string, StepState>,
  mode: FoldMode,
  expanded: ReadonlySet<string> = new Set(),
): Folded {
  const shown = mode === 'failed' ? failedParts(edges, states) : undefined;
  const kept = shown ? nodes.filter(({ node_id }) => shown.has(node_id)) : nodes;
  const sets = groups(edges, states, mode, expanded);
  const members = Map.groupBy(
    kept.map(({ node_id }) => node_id),
    (id) => sets.find(id),
  );
  const units: Unit[] = [];
  const unitOf = new Map<string, string>();
  for (const ids of members.values()) {
    const parts = ids.length >= SHORTEST_CHAIN ? [ids] : ids.map((id) => [id]);
    for (const part of parts) {
      const [first = ''] = part;
      units.push({ id: first, members: part });
      for (const id of part) unitOf.set(id, first);
    }
  }
  const joined = new Map<string, UnitEdge>();
  for (const edge of edges) {
    const source = unitOf.get(edge.source_node_id);
    const target = unitOf.get(edge.target_node_id);
    if (source === undefined || target === undefined || source === target) continue;
    // Edges with different handles stay apart, because their labels differ.
    const key = `${source} ${target} ${edge.source_handle ?? ''}`;
    const known = joined.get(key);
    if (known) known.edges.push(edge);
    else joined.set(key, { id: edge.edge_id, source, target, edges: [edge] });
  }
  return { units, edges: [...joined.values()] };
}
