// The positions of nodes: those stored in the definition, or an automatic layout from left to right.
import { Graph, layout } from '@dagrejs/dagre';
import type { WorkflowEdge, WorkflowNode } from '../shared/supabase.ts';

export interface Point {
  x: number;
  y: number;
}

/** The size of a node; .step-node in the styles has the same width. */
const WIDTH = 220;
const HEIGHT = 96;

function placed({ position }: WorkflowNode): Point {
  const { x, y } = (position ?? {}) as Partial<Point>;
  return { x: x ?? 0, y: y ?? 0 };
}

/** Positions by node id. A definition without positions has all nodes at the same place. */
export function positions(nodes: WorkflowNode[], edges: WorkflowEdge[]): Map<string, Point> {
  const own = new Map(nodes.map((node) => [node.node_id, placed(node)]));
  const places = new Set([...own.values()].map(({ x, y }) => `${x} ${y}`));
  if (places.size === nodes.length) return own;
  const graph = new Graph();
  graph.setGraph({ rankdir: 'LR', nodesep: 32, ranksep: 90 });
  for (const { node_id } of nodes) graph.setNode(node_id, { width: WIDTH, height: HEIGHT });
  for (const edge of edges) graph.setEdge(edge.source_node_id, edge.target_node_id, {});
  layout(graph);
  return new Map(
    nodes.map(({ node_id }) => {
      // dagre returns centers.
      const { x = 0, y = 0 } = graph.node(node_id) as Partial<Point>;
      return [node_id, { x: x - WIDTH / 2, y: y - HEIGHT / 2 }];
    }),
  );
}
