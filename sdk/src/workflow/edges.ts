// The edges of a definition: from `after`, from the references of a step, and from w.connect.

import { DefinitionError } from './errors.ts';
import type { DefinitionEdge, Json, JsonObject } from './json.ts';

/** A step with the handle by which an edge leaves it. */
export interface Origin {
  readonly source: string;
  readonly handle: string | undefined;
}

export interface Target {
  readonly id: string;
  /** undefined: the references of the step decide. */
  readonly after: readonly Origin[] | undefined;
  /** Ids of earlier steps that the config reads. */
  readonly reads: readonly string[];
}

export interface Connection {
  readonly origin: Origin;
  readonly target: string;
  readonly more: JsonObject;
}

/** The id of an edge depends on its ends alone, so other edges do not change it. */
export function edgeId({ source, handle }: Origin, target: string): string {
  return handle === undefined ? `${source}>${target}` : `${source}:${handle}>${target}`;
}

export function edgeOf(origin: Origin, target: string, more: JsonObject = {}): DefinitionEdge {
  const { source, handle } = origin;
  return {
    id: edgeId(origin, target),
    source,
    target,
    ...(handle === undefined ? {} : { sourceHandle: handle }),
    ...more,
  };
}

export function edgesOf(
  targets: readonly Target[],
  connections: readonly Connection[],
): DefinitionEdge[] {
  const connected = new Set(connections.map(({ target }) => target));
  const parents: Parents = new Map();
  const edges: DefinitionEdge[] = [];
  for (const { id, after, reads } of targets) {
    const origins = after ?? (connected.has(id) ? [] : impliedOrigins(reads, parents));
    edges.push(...origins.map((origin) => edgeOf(origin, id)));
    parents.set(
      id,
      origins.map(({ source }) => source),
    );
  }
  edges.push(...connections.map(({ origin, target, more }) => edgeOf(origin, target, more)));
  const ids = new Set<Json | undefined>();
  for (const { id, target } of edges) {
    if (ids.has(id)) {
      throw new DefinitionError(
        'duplicate_edge',
        `two edges have the id ${id}; give one of them another by w.connect`,
        target,
      );
    }
    ids.add(id);
  }
  return edges;
}

/** The steps that lead to a step. */
export type Parents = Map<string, readonly string[]>;

/** The edges that references show: from each step that is read, unless it leads to another one of them. */
export function impliedOrigins(reads: readonly string[], parents: Parents): Origin[] {
  const earlier = new Set<string>();
  const open = reads.length < 2 ? [] : [...reads];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (const parent of parents.get(id) ?? []) {
      if (!earlier.has(parent)) open.push(parent);
      earlier.add(parent);
    }
  }
  return reads.filter((id) => !earlier.has(id)).map((source) => ({ source, handle: undefined }));
}

/** After two dots, the end of a range such as [1..steps.count.output]; after one, a member with this name. */
const READ =
  /(?<![\w$`])(?<!(?<!\.)\.)(?:\$\$?\.)?steps\s*(?:\.\s*(?:([A-Za-z]\w*)|`([^`]+)`)|\[\s*["']([^"']+)["']\s*\])/g;

/** The steps that the texts of a config name, in the order of the steps. */
export function readsOf(value: unknown, known: readonly string[]): string[] {
  const found = new Set<string>();
  const collect = (part: unknown): void => {
    if (typeof part === 'string') {
      for (const [, plain, quoted, bracketed] of part.matchAll(READ)) {
        found.add(plain ?? quoted ?? bracketed ?? '');
      }
    } else if (typeof part === 'object' && part !== null) {
      for (const member of Object.values(part)) collect(member);
    }
  };
  collect(value);
  return known.filter((id) => found.has(id));
}
