// Automatic layout from left to right, by dagre. Loaded on demand.
import { Graph, layout } from '@dagrejs/dagre';
import type { Definition, Position } from './definition.ts';
import { CARD } from './edits.ts';

export function arranged({ nodes, edges }: Definition): Map<string, Position> {
  const graph = new Graph();
  graph.setGraph({ rankdir: 'LR', nodesep: 40, ranksep: 96 });
  for (const { id } of nodes) graph.setNode(id, { ...CARD });
  for (const { source, target } of edges) graph.setEdge(source, target, {});
  layout(graph);
  return new Map(
    nodes.map(({ id }) => {
      // dagre returns centers.
      const { x = 0, y = 0 } = graph.node(id) as Partial<Position>;
      return [id, { x: Math.round(x - CARD.width / 2), y: Math.round(y - CARD.height / 2) }];
    }),
  );
}
