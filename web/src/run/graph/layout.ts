// The positions of units: those stored in the definition, or an automatic layout. dagre lays out graphs of some hundred
// units; above that it needs many seconds, and columns by longest path are as readable.
import { Graph, layout } from '@dagrejs/dagre';
import type { WorkflowNode } from '../../shared/supabase.ts';
import type { Folded } from './fold.ts';
import { ranks } from './ranks.ts';

export interface Point {
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

export type Direction = 'right' | 'down';

/** The size of a unit on the canvas. */
export const WIDTH = 228;
export const HEIGHT = 86;

const BETWEEN_RANKS = 90;
const BETWEEN_UNITS = 32;
const MOST_FOR_DAGRE = 300;
/** The zoom from which texts are readable. */
const READABLE = 0.6;
/** Above, a column is split, so that the picture is not a line. */
const TALLEST = 60;

function stored(node: WorkflowNode): Point {
  const { x, y } = (node.position ?? {}) as Partial<Point>;
  return { x: x ?? 0, y: y ?? 0 };
}

/** Whether the definition has positions that differ from each other. */
function hasPositions(nodes: readonly WorkflowNode[]): boolean {
  const places = new Set(nodes.map(stored).map(({ x, y }) => `${x} ${y}`));
  return places.size === nodes.length;
}

/** The zoom at which places fit into a canvas of this size. */
export function fittingZoom(places: ReadonlyMap<string, Point>, canvas: Size): number {
  const all = [...places.values()];
  const span = (values: number[], size: number) => Math.max(...values) - Math.min(...values) + size;
  if (all.length === 0) return 1;
  return Math.min(
    canvas.width /
      span(
        all.map(({ x }) => x),
        WIDTH,
      ),
    canvas.height /
      span(
        all.map(({ y }) => y),
        HEIGHT,
      ),
  );
}

/**
 * To the right, unless the same graph can be read better from top to bottom: a chain of ten steps in a narrow canvas.
 * Stored positions stay.
 */
export function placeToFit(
  folded: Folded,
  nodes: readonly WorkflowNode[],
  canvas: Size,
): { places: Map<string, Point>; direction: Direction } {
  const right = place(folded, nodes, 'right');
  const zoom = fittingZoom(right, canvas);
  const hasOwn = folded.units.length === nodes.length && hasPositions(nodes);
  if (zoom >= READABLE || hasOwn) return { places: right, direction: 'right' };
  const down = place(folded, nodes, 'down');
  return fittingZoom(down, canvas) > zoom
    ? { places: down, direction: 'down' }
    : { places: right, direction: 'right' };
}

/** Positions by the id of the unit. Stored ones are used if they differ from each other. */
export function place(
  folded: Folded,
  nodes: readonly WorkflowNode[],
  direction: Direction = 'right',
): Map<string, Point> {
  const isWhole = folded.units.length === nodes.length;
  if (isWhole && direction === 'right' && hasPositions(nodes)) {
    return new Map(nodes.map((node) => [node.node_id, stored(node)]));
  }
  return folded.units.length <= MOST_FOR_DAGRE
    ? byDagre(folded, direction)
    : byColumns(folded, direction);
}

function byDagre({ units, edges }: Folded, direction: Direction): Map<string, Point> {
  const graph = new Graph();
  graph.setGraph({
    rankdir: direction === 'right' ? 'LR' : 'TB',
    nodesep: BETWEEN_UNITS,
    ranksep: direction === 'right' ? BETWEEN_RANKS : 54,
  });
  for (const { id } of units) graph.setNode(id, { width: WIDTH, height: HEIGHT });
  for (const { source, target } of edges) graph.setEdge(source, target, {});
  layout(graph);
  return new Map(
    units.map(({ id }) => {
      // dagre returns centers.
      const { x = 0, y = 0 } = graph.node(id) as Partial<Point>;
      return [id, { x: x - WIDTH / 2, y: y - HEIGHT / 2 }];
    }),
  );
}

function byColumns(folded: Folded, direction: Direction): Map<string, Point> {
  const rank = ranks(folded);
  const before = Map.groupBy(folded.edges, ({ target }) => target);
  const columns = Map.groupBy(folded.units, ({ id }) => rank.get(id) ?? 0);
  const order = new Map<string, number>();
  const places = new Map<string, Point>();
  let along = 0;
  for (const level of [...columns.keys()].sort((a, b) => a - b)) {
    const column = columns.get(level) ?? [];
    // A unit comes near the middle of those before it, so that lanes stay lanes.
    const wish = new Map(
      column.map(({ id }, place) => {
        const sources = (before.get(id) ?? []).map(({ source }) => order.get(source) ?? 0);
        const sum = sources.reduce((total, each) => total + each, 0);
        return [id, sources.length === 0 ? place : sum / sources.length];
      }),
    );
    column.sort((a, b) => (wish.get(a.id) ?? 0) - (wish.get(b.id) ?? 0));
    const parts = Math.ceil(column.length / TALLEST);
    const tallest = Math.ceil(column.length / parts);
    column.forEach(({ id }, place) => {
      const across = (place % tallest) - (tallest - 1) / 2;
      const part = along + Math.floor(place / tallest);
      order.set(id, across);
      places.set(
        id,
        direction === 'right'
          ? { x: part * (WIDTH + BETWEEN_RANKS), y: across * (HEIGHT + BETWEEN_UNITS) }
          : { x: across * (WIDTH + BETWEEN_UNITS), y: part * (HEIGHT + 54) },
      );
    });
    along += parts;
  }
  return places;
}
