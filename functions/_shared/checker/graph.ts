// The nodes and edges of a definition, with their places. Parts that do not have the form of a definition are left out: the
// database refuses them.

import { type StepType, stepTypes } from '../step-types/index.ts';
import { pointerTo } from './fault.ts';
import { isObject, type Json, listOf, textOf } from './json.ts';

export interface GraphNode {
  readonly id: string;
  readonly pointer: string;
  readonly data: Json;
  /** The step itself, the step that a for_each runs for each item, and the compensation. */
  readonly parts: readonly Part[];
}

export interface Part {
  readonly kind: 'step' | 'item' | 'compensation';
  readonly type: StepType;
  readonly config: Json;
  /** Of the config. */
  readonly pointer: string;
}

export interface GraphEdge {
  readonly pointer: string;
  readonly source: string;
  readonly target: string;
  readonly handle: string | undefined;
}

export interface Graph {
  readonly nodes: ReadonlyMap<string, GraphNode>;
  readonly edges: readonly GraphEdge[];
  /** The ids of the nodes from which a path leads to the node. */
  ancestorsOf(id: string): ReadonlySet<string>;
}

const types = new Map(stepTypes.map((type) => [type.name, type]));

export function readGraph(definition: unknown): Graph {
  const { nodes: givenNodes, edges: givenEdges } = isObject(definition) ? definition : {};
  const nodes = new Map<string, GraphNode>();
  for (const [at, given] of listOf(givenNodes).entries()) {
    if (!isObject(given) || typeof given.id !== 'string') continue;
    const pointer = pointerTo('', 'nodes', at);
    const data = isObject(given.data) ? given.data : {};
    nodes.set(given.id, { id: given.id, pointer, data, parts: partsOf(given.type, data, pointer) });
  }
  const edges = listOf(givenEdges).flatMap((given, at): GraphEdge[] => {
    if (!isObject(given)) return [];
    const [source, target] = [textOf(given.source), textOf(given.target)];
    if (source === undefined || target === undefined) return [];
    const handle = textOf(given.sourceHandle);
    return [{ pointer: pointerTo('', 'edges', at), source, target, handle }];
  });
  return { nodes, edges, ancestorsOf: ancestors(edges) };
}

function partsOf(type: unknown, data: Json, pointer: string): Part[] {
  const parts: Part[] = [];
  const add = (kind: Part['kind'], name: unknown, config: unknown, place: string) => {
    const known = types.get(textOf(name) ?? '');
    const given = config ?? {};
    if (known !== undefined && isObject(given)) {
      parts.push({ kind, type: known, config: given, pointer: place });
    }
  };
  const config = isObject(data.config) ? data.config : {};
  if (type === 'for_each') {
    const { step, ...own } = config;
    add('step', type, own, pointerTo(pointer, 'data', 'config'));
    if (isObject(step)) {
      add('item', step.type, step.config, pointerTo(pointer, 'data', 'config', 'step', 'config'));
    }
  } else {
    add('step', type, data.config, pointerTo(pointer, 'data', 'config'));
  }
  const { compensate } = data;
  if (isObject(compensate)) {
    const place = pointerTo(pointer, 'data', 'compensate', 'config');
    add('compensation', compensate.type, compensate.config, place);
  }
  return parts;
}

function ancestors(edges: readonly GraphEdge[]): Graph['ancestorsOf'] {
  const sources = new Map<string, string[]>();
  for (const { source, target } of edges) {
    const known = sources.get(target);
    if (known === undefined) sources.set(target, [source]);
    else known.push(source);
  }
  return (id) => {
    const found = new Set<string>();
    const open = [id];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      for (const source of sources.get(next) ?? []) {
        if (found.has(source)) continue;
        found.add(source);
        open.push(source);
      }
    }
    return found;
  };
}
