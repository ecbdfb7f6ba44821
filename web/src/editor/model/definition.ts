// The document of the editor: a definition in the format of React Flow with the input schema. Keys that the editor does
// not know are kept as they are.
import type { Json } from '../../../../types/database.ts';

export type JsonObject = { [key: string]: Json | undefined };

export type Position = { x: number; y: number };

export type Step = {
  id: string;
  type: string;
  position?: Position;
  data?: JsonObject;
  [key: string]: Json | undefined;
};

export type Edge = {
  id: string;
  source: string;
  target: string;
  sourceHandle?: string | null;
  [key: string]: Json | undefined;
};

export type Definition = {
  nodes: Step[];
  edges: Edge[];
  [key: string]: Json | undefined;
};

export interface Draft {
  definition: Definition;
  /** JSON Schema of the input of runs; null: every input is accepted. */
  inputSchema: JsonObject | null;
  /** JSON Schema that describes the output of runs; null: not described. */
  outputSchema: JsonObject | null;
}

export const EMPTY: Definition = { nodes: [], edges: [] };

export const EMPTY_DRAFT: Draft = { definition: EMPTY, inputSchema: null, outputSchema: null };

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** What prevents drawing the value as a definition; undefined: nothing. */
export function definitionFault(value: unknown): string | undefined {
  if (!isObject(value)) return 'A definition is an object with nodes and edges.';
  if (!Array.isArray(value.nodes)) return 'nodes must be a list.';
  if (!Array.isArray(value.edges)) return 'edges must be a list.';
  const ids = new Set<string>();
  for (const [at, node] of value.nodes.entries()) {
    if (!isObject(node) || !isText(node.id) || !isText(node.type)) {
      return `nodes[${at}] must have an id and a type.`;
    }
    if (ids.has(node.id)) return `Two nodes have the id ${node.id}.`;
    ids.add(node.id);
  }
  for (const [at, edge] of value.edges.entries()) {
    if (!isObject(edge) || !isText(edge.id) || !isText(edge.source) || !isText(edge.target)) {
      return `edges[${at}] must have an id, a source and a target.`;
    }
    if (!ids.has(edge.source))
      return `The edge ${edge.id} leaves ${edge.source}, which does not exist.`;
    if (!ids.has(edge.target))
      return `The edge ${edge.id} leads to ${edge.target}, which does not exist.`;
  }
  return undefined;
}

export const asDefinition = (value: unknown): Definition =>
  definitionFault(value) === undefined ? (value as Definition) : EMPTY;

export const stepOf = ({ definition }: Draft, id: string | undefined): Step | undefined =>
  definition.nodes.find((node) => node.id === id);

export const labelOf = ({ id, data }: Step): string =>
  typeof data?.label === 'string' && data.label !== '' ? data.label : id;

export const configOf = ({ data }: Step): JsonObject => (isObject(data?.config) ? data.config : {});

/** The ids of the steps from which a path leads to the step, the nearest first. */
export function upstreamOf({ edges }: Definition, id: string): string[] {
  const found = new Set<string>();
  const open = [id];
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    for (const { source, target } of edges) {
      if (target === next && source !== id && !found.has(source)) {
        found.add(source);
        open.push(source);
      }
    }
  }
  return [...found];
}

/** Whether an edge from the source to the target would close a cycle. */
export const closesCycle = (definition: Definition, source: string, target: string): boolean =>
  source === target || upstreamOf(definition, source).includes(target);

/** Equal as JSON, in any order of the keys. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keysOf = (value: object) =>
    Object.entries(value).flatMap(([key, member]) => (member === undefined ? [] : [key]));
  const keys = keysOf(a);
  if (keys.length !== keysOf(b).length) return false;
  return keys.every((key) =>
    isEqual((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}
