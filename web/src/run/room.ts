// How high the graph and the timeline of a run have to be: three steps need less room than fifty. It depends on the
// definition only, so that nothing moves while the run makes progress.
import type { WorkflowEdge, WorkflowNode } from '../shared/supabase.ts';
import { ranks } from './graph/ranks.ts';

/** A step with its distance to the next one, along the graph and across it. */
const ALONG = 318;
const ACROSS = 118;
/** The part of it between two steps. */
const GAP = 90;
/** The width of the canvas in a wide window. */
const CANVAS = 640;
const ALONG_DOWN = 140;
const ACROSS_DOWN = 260;
/** The graph fills this part of its canvas. */
const FILLED = 0.8;
const MOST_ZOOM = 1.1;
/** The zoom from which texts are readable. */
const READABLE = 0.6;
const MOST = 10_000;
const TOOLS = 48;
const CONTROLS = 150;
const LINE = 30;
const HEAD = 76;

interface Spans {
  along: number;
  across: number;
}

function stored(nodes: readonly WorkflowNode[], size: Spans): Spans | undefined {
  const places = nodes.map(({ position }) => (position ?? {}) as { x?: number; y?: number });
  const isSet = new Set(places.map(({ x = 0, y = 0 }) => `${x} ${y}`)).size === nodes.length;
  if (!isSet) return undefined;
  const span = (values: number[]) => Math.max(...values) - Math.min(...values);
  return {
    along: span(places.map(({ x = 0 }) => x)) + size.along,
    across: span(places.map(({ y = 0 }) => y)) + size.across,
  };
}

/** Pixels; the style sheet has the least and the most. */
export function roomOf(
  nodes: readonly WorkflowNode[],
  edges: readonly WorkflowEdge[],
  isNarrow: boolean,
): number {
  if (nodes.length === 0) return 0;
  const rank = ranks({
    units: nodes.map(({ node_id }) => ({ id: node_id })),
    edges: edges.map(({ source_node_id, target_node_id }) => ({
      source: source_node_id,
      target: target_node_id,
    })),
  });
  const columns = [...Map.groupBy(rank.values(), (column) => column).values()];
  const longest = columns.length;
  const widest = Math.max(...columns.map(({ length }) => length));
  const timeline = HEAD + LINE * nodes.length;
  if (isNarrow) {
    const zoom = Math.min(MOST_ZOOM, (FILLED * 340) / (widest * ACROSS_DOWN));
    return Math.max(TOOLS + (longest * ALONG_DOWN * zoom) / FILLED, timeline);
  }
  const own = stored(nodes, { along: ALONG, across: ACROSS });
  const { along, across } = own ?? { along: longest * ALONG, across: widest * ACROSS };
  const zoom = Math.min(MOST_ZOOM, (FILLED * CANVAS) / along);
  // Without positions of its own, such a graph may lead down: as placeToFit decides, without the margin.
  if (own === undefined && CANVAS / (along - GAP) < READABLE) return MOST;
  return Math.max(TOOLS + (across * zoom) / FILLED, TOOLS + CONTROLS, timeline);
}
