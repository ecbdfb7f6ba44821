// Positions of nodes without one: from left to right, a step to the right of all steps that lead to it, and beside them.

import type { DefinitionEdge } from './json.ts';

export interface Position {
  readonly x: number;
  readonly y: number;
}

const COLUMN = 300;
const ROW = 160;

/** The position of each node. Equal graphs have equal positions. */
export function positions(
  ids: readonly string[],
  edges: readonly DefinitionEdge[],
): ReadonlyMap<string, Position> {
  const sources = new Map(ids.map((id) => [id, [] as string[]]));
  for (const { source, target } of edges) sources.get(target)?.push(source);
  const columns = columnsOf(ids, sources);
  const found = new Map<string, Position>();
  for (const column of [...new Set(columns.values())].sort((one, other) => one - other)) {
    const wanted = ids
      .filter((id) => columns.get(id) === column)
      .map((id) => ({ id, row: meanRow(sources.get(id) ?? [], found) }))
      .sort((one, other) => one.row - other.row);
    for (const [row, { id }] of wanted.entries())
      found.set(id, { x: column * COLUMN, y: row * ROW });
  }
  return found;
}

function columnsOf(
  ids: readonly string[],
  sources: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, number> {
  const columns = new Map<string, number>();
  const open = new Set<string>();
  // Without recursion: a chain may be 2,000 steps long.
  for (const start of ids) {
    const stack = [start];
    for (let id = stack.at(-1); id !== undefined; id = stack.at(-1)) {
      const earlier = sources.get(id) ?? [];
      const missing = earlier.filter((source) => !columns.has(source) && !open.has(source));
      if (columns.has(id) || missing.length === 0) {
        columns.set(
          id,
          columns.get(id) ??
            Math.max(0, ...earlier.map((source) => (columns.get(source) ?? -1) + 1)),
        );
        open.delete(id);
        stack.pop();
      } else {
        open.add(id);
        stack.push(...missing);
      }
    }
  }
  return columns;
}

function meanRow(sources: readonly string[], found: ReadonlyMap<string, Position>): number {
  const rows = sources.flatMap((source) => found.get(source)?.y ?? []);
  return rows.length === 0 ? 0 : rows.reduce((sum, y) => sum + y, 0) / rows.length;
}
