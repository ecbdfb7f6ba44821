// Where an arrow key leads in the graph: along an edge if one leads that way, else to the nearest unit there.
import type { UnitEdge } from './fold.ts';
import type { Point } from './layout.ts';

export type Arrow = 'ArrowLeft' | 'ArrowRight' | 'ArrowUp' | 'ArrowDown';

export const isArrow = (key: string): key is Arrow =>
  key === 'ArrowLeft' || key === 'ArrowRight' || key === 'ArrowUp' || key === 'ArrowDown';

const WAYS: Readonly<Record<Arrow, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

/** Undefined: nothing is that way. */
export function walk(
  from: string,
  arrow: Arrow,
  places: ReadonlyMap<string, Point>,
  edges: readonly UnitEdge[],
): string | undefined {
  const start = places.get(from);
  if (!start) return undefined;
  const way = WAYS[arrow];
  const linked = new Set(
    edges.flatMap(({ source, target }) =>
      source === from ? [target] : target === from ? [source] : [],
    ),
  );
  let best: { id: string; cost: number } | undefined;
  for (const [id, { x, y }] of places) {
    if (id === from) continue;
    const dx = x - start.x;
    const dy = y - start.y;
    const forward = dx * way.x + dy * way.y;
    const aside = Math.abs(dx * way.y) + Math.abs(dy * way.x);
    if (forward <= 0) continue;
    // A neighbour may be far aside; another unit must be more ahead than aside.
    const isLinked = linked.has(id);
    if (!isLinked && aside > forward * 1.5) continue;
    const cost = forward + 2 * aside - (isLinked ? 1e6 : 0);
    if (best === undefined || cost < best.cost) best = { id, cost };
  }
  return best?.id;
}
