// Edits of a draft: pure functions from one draft to the next.

import type { Json } from '../../../../types/database.ts';
import {
  closesCycle,
  configOf,
  type Definition,
  type Draft,
  type Edge,
  EMPTY_DRAFT,
  isEqual,
  isObject,
  type JsonObject,
  type Position,
  type Step,
} from './definition.ts';

/** The size of a card on the canvas. */
export const CARD = { width: 232, height: 84 };
const GAP = 88;

const withDefinition = (draft: Draft, definition: Definition): Draft => ({ ...draft, definition });

/** An id that no step has: `http_request`, `http_request_2`. */
export function freeId(wanted: string, taken: ReadonlySet<string>): string {
  const base = wanted.replaceAll(/[^A-Za-z0-9_-]/g, '_').replace(/^[^A-Za-z]+/, '') || 'step';
  for (let n = 1; ; n += 1) {
    const id = n === 1 ? base : `${base}_${n}`;
    if (!taken.has(id)) return id;
  }
}

const idsOf = (parts: readonly { id: string }[]) => new Set(parts.map(({ id }) => id));

/** A place that no card covers, at or below the wanted one. */
function freePlace(nodes: readonly Step[], wanted: Position): Position {
  const place = { ...wanted };
  const covers = ({ position }: Step) =>
    position !== undefined &&
    Math.abs(position.x - place.x) < CARD.width &&
    Math.abs(position.y - place.y) < CARD.height;
  while (nodes.some(covers)) place.y += CARD.height + 24;
  return place;
}

interface NewStep {
  type: string;
  config?: JsonObject;
  label?: string;
  /** An edge leads from this step to the new one. */
  after?: string | undefined;
  handle?: string | null;
  position?: Position | undefined;
}

/** Adds a step; after another one, the edges that leave that step without a handle are not changed. */
export function addStep(draft: Draft, given: NewStep): { draft: Draft; id: string } {
  const { nodes, edges } = draft.definition;
  const id = freeId(given.type, idsOf(nodes));
  const before = nodes.find((node) => node.id === given.after);
  const right = Math.max(0, ...nodes.map(({ position }) => (position?.x ?? 0) + CARD.width + GAP));
  const wanted =
    given.position ??
    (before?.position
      ? { x: before.position.x + CARD.width + GAP, y: before.position.y }
      : { x: nodes.length === 0 ? 0 : right, y: nodes[0]?.position?.y ?? 0 });
  const step: Step = {
    id,
    type: given.type,
    position: freePlace(nodes, wanted),
    data: { ...(given.label ? { label: given.label } : {}), config: given.config ?? {} },
  };
  const next = withDefinition(draft, { ...draft.definition, nodes: [...nodes, step], edges });
  return {
    draft:
      before === undefined
        ? next
        : connect(next, { source: before.id, target: id, handle: given.handle ?? null }),
    id,
  };
}

/** Adds an edge; the same draft if there is one already or if it would close a cycle. */
export function connect(
  draft: Draft,
  { source, target, handle }: { source: string; target: string; handle: string | null },
): Draft {
  const { edges } = draft.definition;
  const exists = edges.some(
    (edge) =>
      edge.source === source && edge.target === target && (edge.sourceHandle ?? null) === handle,
  );
  if (exists || closesCycle(draft.definition, source, target)) return draft;
  const id = freeId(`${source}-${target}`, idsOf(edges));
  const edge: Edge = { id, source, target, ...(handle === null ? {} : { sourceHandle: handle }) };
  return withDefinition(draft, { ...draft.definition, edges: [...edges, edge] });
}

export function changeEdge(draft: Draft, id: string, change: Partial<Edge>): Draft {
  const edges = draft.definition.edges.map((edge) => {
    if (edge.id !== id) return edge;
    const next: Edge = { ...edge, ...change };
    if (next.sourceHandle === null || next.sourceHandle === '') delete next.sourceHandle;
    if (next.label === '') delete next.label;
    return next;
  });
  return withDefinition(draft, { ...draft.definition, edges });
}

/** Removes steps with their edges, and edges. */
export function remove(
  draft: Draft,
  steps: ReadonlySet<string>,
  edges: ReadonlySet<string>,
): Draft {
  return withDefinition(draft, {
    ...draft.definition,
    nodes: draft.definition.nodes.filter(({ id }) => !steps.has(id)),
    edges: draft.definition.edges.filter(
      ({ id, source, target }) => !edges.has(id) && !steps.has(source) && !steps.has(target),
    ),
  });
}

export function changeStep(draft: Draft, id: string, change: (step: Step) => Step): Draft {
  return withDefinition(draft, {
    ...draft.definition,
    nodes: draft.definition.nodes.map((node) => (node.id === id ? change(node) : node)),
  });
}

/** Sets keys of `data`; undefined removes a key. */
export const changeData = (draft: Draft, id: string, change: JsonObject): Draft =>
  changeStep(draft, id, (step) => {
    const data: JsonObject = { ...step.data, ...change };
    for (const [key, value] of Object.entries(data)) if (value === undefined) delete data[key];
    return { ...step, data };
  });

/** Sets a key of the config; undefined removes it. */
export const changeConfig = (draft: Draft, id: string, key: string, value: Json | undefined) =>
  changeStep(draft, id, (step) => {
    const config: JsonObject = { ...configOf(step), [key]: value };
    if (value === undefined) delete config[key];
    return { ...step, data: { ...step.data, config } };
  });

export const moveSteps = (draft: Draft, places: ReadonlyMap<string, Position>): Draft =>
  withDefinition(draft, {
    ...draft.definition,
    nodes: draft.definition.nodes.map((node) => {
      const position = places.get(node.id);
      return position === undefined || isEqual(position, node.position)
        ? node
        : { ...node, position: { x: Math.round(position.x), y: Math.round(position.y) } };
    }),
  });

/** Rewrites `steps.old` and `` steps.`old` `` in a text. */
function renamedText(text: string, from: string, to: string): string {
  const plain = from.replaceAll(/[$]/g, '\\$&');
  const name = /^[A-Za-z_][A-Za-z0-9_]*$/.test(to) ? to : `\`${to}\``;
  return text
    .replaceAll(new RegExp(`\\b(steps\\s*\\.\\s*)\`${plain}\``, 'g'), (_all, start) => start + name)
    .replaceAll(
      new RegExp(`\\b(steps\\s*\\.\\s*)${plain}(?![\\w-])`, 'g'),
      (_all, start) => start + name,
    )
    .replaceAll(
      new RegExp(`\\b(steps\\s*\\[\\s*["'])${plain}(["']\\s*\\])`, 'g'),
      (_all, start, end) => start + to + end,
    );
}

function renamed(value: Json | undefined, from: string, to: string): Json | undefined {
  if (typeof value === 'string') return renamedText(value, from, to);
  if (Array.isArray(value)) return value.map((item) => renamed(item, from, to) ?? null);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, renamed(item, from, to)]),
  );
}

/** Gives a step another id, with its edges and the expressions that read it. */
export function renameStep(draft: Draft, from: string, to: string): Draft {
  const { nodes, edges } = draft.definition;
  if (from === to || nodes.some(({ id }) => id === to)) return draft;
  return withDefinition(draft, {
    ...draft.definition,
    nodes: nodes.map((node) => ({
      ...node,
      id: node.id === from ? to : node.id,
      ...(node.data ? { data: renamed(node.data, from, to) as JsonObject } : {}),
    })),
    edges: edges.map((edge) => ({
      ...edge,
      source: edge.source === from ? to : edge.source,
      target: edge.target === from ? to : edge.target,
    })),
  });
}

export interface Piece {
  nodes: Step[];
  edges: Edge[];
}

/** The steps with the edges among them. */
export function pieceOf({ definition }: Draft, ids: ReadonlySet<string>): Piece {
  return {
    nodes: definition.nodes.filter(({ id }) => ids.has(id)),
    edges: definition.edges.filter(({ source, target }) => ids.has(source) && ids.has(target)),
  };
}

/** Adds copies of steps with ids of their own; expressions among them read the copies. */
export function paste(draft: Draft, piece: Piece): { draft: Draft; ids: string[] } {
  const taken = idsOf(draft.definition.nodes);
  const names = new Map<string, string>();
  for (const { id } of piece.nodes) {
    const free = freeId(id, taken);
    taken.add(free);
    names.set(id, free);
  }
  let copies: Draft = {
    ...EMPTY_DRAFT,
    definition: { nodes: piece.nodes, edges: piece.edges },
  };
  // Through names that no step has, so that a copy does not take the name of another one.
  for (const [at, id] of [...names.keys()].entries())
    copies = renameStep(copies, id, `copy-of-${at}`);
  for (const [at, id] of [...names.values()].entries())
    copies = renameStep(copies, `copy-of-${at}`, id);
  const edgeIds = idsOf(draft.definition.edges);
  const edges = copies.definition.edges.map((edge) => {
    const id = freeId(`${edge.source}-${edge.target}`, edgeIds);
    edgeIds.add(id);
    return { ...edge, id };
  });
  const placed: Step[] = [];
  for (const node of copies.definition.nodes) {
    const wanted = { x: (node.position?.x ?? 0) + 40, y: (node.position?.y ?? 0) + 40 };
    placed.push({ ...node, position: freePlace([...draft.definition.nodes, ...placed], wanted) });
  }
  return {
    draft: withDefinition(draft, {
      ...draft.definition,
      nodes: [...draft.definition.nodes, ...placed],
      edges: [...draft.definition.edges, ...edges],
    }),
    ids: [...names.values()],
  };
}
