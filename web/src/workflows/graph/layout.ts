// The places of the nodes in a picture of a definition: those of the editor, or a layout from left to right. In a narrow
// window the picture leads down, because texts are too small to read if a row of steps has to fit.
import { Graph, layout } from '@dagrejs/dagre';
import type { Definition } from './definition.ts';

const WIDTH = 190;
const HEIGHT = 56;

export interface Point {
  x: number;
  y: number;
}

/** A definition of code has no places, or the same one for all of its nodes. */
export function placesOf({ nodes, edges }: Definition, isNarrow = false): Map<string, Point> {
  const known = nodes.flatMap(({ id, position }) => (position ? [[id, position] as const] : []));
  const different = new Set(known.map(([, { x, y }]) => `${x} ${y}`));
  if (!isNarrow && different.size === nodes.length) return new Map(known);
  const graph = new Graph();
  graph.setGraph(
    isNarrow
      ? { rankdir: 'TB', nodesep: 20, ranksep: 40 }
      : { rankdir: 'LR', nodesep: 28, ranksep: 70 },
  );
  const ids = new Set(nodes.map(({ id }) => id));
  for (const id of ids) graph.setNode(id, { width: WIDTH, height: HEIGHT });
  for (const { source, target } of edges) {
    if (ids.has(source) && ids.has(target)) graph.setEdge(source, target, {});
  }
  layout(graph);
  return new Map(
    nodes.map(({ id }) => {
      // dagre returns centers.
      const { x = 0, y = 0 } = graph.node(id) as Partial<Point>;
      return [id, { x: x - WIDTH / 2, y: y - HEIGHT / 2 }];
    }),
  );
}
