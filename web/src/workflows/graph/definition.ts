// The parts of a stored definition that a picture of it needs, and the union of two definitions with what became of each
// part. A stored definition may have members that this file does not know.
import type { Json } from '../../shared/supabase.ts';

export interface DefinitionNode {
  id: string;
  type: string;
  label: string;
  position: { x: number; y: number } | undefined;
}

export interface DefinitionEdge {
  id: string;
  source: string;
  target: string;
  handle: string | undefined;
}

export interface Definition {
  nodes: DefinitionNode[];
  edges: DefinitionEdge[];
}

export type Tone = 'added' | 'removed' | 'changed' | 'same';

const isRecord = (value: unknown): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const recordsOf = (value: unknown): Record<string, Json>[] =>
  Array.isArray(value) ? value.filter((each) => isRecord(each)) : [];
const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

function placeOf(position: unknown): { x: number; y: number } | undefined {
  if (!isRecord(position)) return undefined;
  const { x, y } = position;
  return typeof x === 'number' && typeof y === 'number' ? { x, y } : undefined;
}

export function definitionOf(stored: Json): Definition {
  const document = isRecord(stored) ? stored : {};
  const nodes = recordsOf(document.nodes).map((node) => ({
    id: String(node.id),
    type: String(node.type),
    label: textOf(isRecord(node.data) ? node.data.label : undefined) ?? String(node.id),
    position: placeOf(node.position),
  }));
  const edges = recordsOf(document.edges).map((edge) => ({
    id: String(edge.id),
    source: String(edge.source),
    target: String(edge.target),
    handle: textOf(edge.sourceHandle),
  }));
  return { nodes, edges };
}

/** Ids by what became of them, as diff_versions names them. */
export interface Changes {
  added: ReadonlySet<string>;
  removed: ReadonlySet<string>;
  changed: ReadonlySet<string>;
}

export const NO_CHANGES: Changes = { added: new Set(), removed: new Set(), changed: new Set() };

export function toneOf(id: string, changes: Changes): Tone {
  if (changes.added.has(id)) return 'added';
  if (changes.removed.has(id)) return 'removed';
  return changes.changed.has(id) ? 'changed' : 'same';
}

/** The new definition and what it has lost, so that one picture shows both. */
export function union(before: Definition, after: Definition): Definition {
  const lost = <Part extends { id: string }>(old: Part[], present: Part[]) => {
    const ids = new Set(present.map(({ id }) => id));
    return old.filter(({ id }) => !ids.has(id));
  };
  return {
    nodes: [...after.nodes, ...lost(before.nodes, after.nodes)],
    edges: [...after.edges, ...lost(before.edges, after.edges)],
  };
}
