// Which edges of a definition `after` expresses, and which need w.connect.

import { edgeOf, impliedOrigins, type Origin, type Parents, readsOf } from '../edges.ts';
import type { DefinitionEdge, DefinitionNode, JsonObject } from '../json.ts';
import { HANDLES } from '../step-schemas.ts';

export interface Connected {
  readonly origin: Origin;
  readonly target: string;
  readonly more: JsonObject;
}

export interface Edges {
  /** The edges of each step; missing: its references lead to them. */
  readonly after: ReadonlyMap<string, readonly Origin[]>;
  readonly connections: readonly Connected[];
}

export function hasHandle(type: string, handle: string): boolean {
  const own = Object.hasOwn(HANDLES, type) ? HANDLES[type] : undefined;
  return own === null || own === undefined || [...own, 'error', 'timeout'].includes(handle);
}

export function splitEdges(
  nodes: readonly DefinitionNode[],
  edges: readonly DefinitionEdge[],
): Edges {
  const types = new Map(nodes.map(({ id, type }) => [id, type]));
  const afters = new Map<string, Origin[]>();
  const earlier = new Set<string>();
  let at = 0;
  for (const { id } of nodes) {
    const after: Origin[] = [];
    for (let edge = edges[at]; edge?.target === id; edge = edges[at]) {
      if (!earlier.has(edge.source) || Object.keys(connectionOf(edge, types).more).length > 0)
        break;
      after.push(originOf(edge, types));
      at += 1;
    }
    afters.set(id, after);
    earlier.add(id);
  }
  const connections = edges.slice(at).map((edge) => connectionOf(edge, types));
  return { after: withoutImplied(nodes, afters, connections), connections };
}

function originOf(
  { source, sourceHandle }: DefinitionEdge,
  types: ReadonlyMap<string, string>,
): Origin {
  const isTyped =
    typeof sourceHandle === 'string' && hasHandle(types.get(source) ?? '', sourceHandle);
  return { source, handle: isTyped ? sourceHandle : undefined };
}

function connectionOf(edge: DefinitionEdge, types: ReadonlyMap<string, string>): Connected {
  const origin = originOf(edge, types);
  const plain = edgeOf(origin, edge.target);
  const more = Object.fromEntries(
    Object.entries(edge).filter(([key, value]) => plain[key] !== value),
  );
  return { origin, target: edge.target, more };
}

function withoutImplied(
  nodes: readonly DefinitionNode[],
  afters: ReadonlyMap<string, readonly Origin[]>,
  connections: readonly Connected[],
): ReadonlyMap<string, readonly Origin[]> {
  const connected = new Set(connections.map(({ target }) => target));
  const parents: Parents = new Map();
  const known: string[] = [];
  const stated = new Map<string, readonly Origin[]>();
  for (const { id, data } of nodes) {
    const after = afters.get(id) ?? [];
    const reads = readsOf((data as JsonObject | undefined)?.config, known);
    const implied = connected.has(id) ? [] : impliedOrigins(reads, parents);
    const isImplied =
      after.length === implied.length &&
      after.every(
        ({ source, handle }, at) => handle === undefined && source === implied[at]?.source,
      );
    if (!isImplied) stated.set(id, after);
    parents.set(
      id,
      after.map(({ source }) => source),
    );
    known.push(id);
  }
  return stated;
}
