// The nodes and edges of React Flow for a folded graph. Nodes that did not change keep their object, so that a message
// about one step draws one node again. Sizes and handles are given, so that nothing has to be measured.
import { type Edge, MarkerType, Position } from '@xyflow/react';
import type { RunNode } from '../../shared/use-run.ts';
import type { Folded, Unit, UnitEdge } from './fold.ts';
import { HEIGHT, type Point, WIDTH } from './layout.ts';
import type { UnitData, UnitNode } from './StepNode.tsx';
import { type EdgeState, type StepState, worstStatus } from './states.ts';

const HANDLE = 7;

function handlesOf(isDown: boolean): NonNullable<UnitNode['handles']> {
  const size = { width: HANDLE, height: HANDLE };
  const middle = HANDLE / 2;
  return isDown
    ? [
        { type: 'target', position: Position.Top, x: WIDTH / 2 - middle, y: -middle, ...size },
        {
          type: 'source',
          position: Position.Bottom,
          x: WIDTH / 2 - middle,
          y: HEIGHT - middle,
          ...size,
        },
      ]
    : [
        { type: 'target', position: Position.Left, x: -middle, y: HEIGHT / 2 - middle, ...size },
        {
          type: 'source',
          position: Position.Right,
          x: WIDTH - middle,
          y: HEIGHT / 2 - middle,
          ...size,
        },
      ];
}

const HANDLES = { right: handlesOf(false), down: handlesOf(true) };

/** The state of a group: the status that needs attention most, and its failed steps. */
function stateOf(unit: Unit, states: ReadonlyMap<string, StepState>): StepState | undefined {
  const own = states.get(unit.id);
  if (unit.members.length === 1 || own === undefined) return own;
  const all = unit.members.flatMap((id) => states.get(id) ?? []);
  const status = worstStatus(all.map((state) => state.status));
  const isHandled = status === 'failed' && all.every((s) => s.status !== 'failed' || s.isHandled);
  return { ...own, status, isHandled, items: undefined, undo: undefined, attempt: 1 };
}

export interface UnitOptions {
  nodes: ReadonlyMap<string, RunNode>;
  states: ReadonlyMap<string, StepState>;
  places: ReadonlyMap<string, Point>;
  chosen: string | undefined;
  current: string | undefined;
  isDown: boolean;
}

const isSame = (a: UnitData, b: UnitData): boolean =>
  JSON.stringify(a.state) === JSON.stringify(b.state) &&
  a.label === b.label &&
  a.size === b.size &&
  a.isChosen === b.isChosen &&
  a.isCurrent === b.isCurrent &&
  a.isDown === b.isDown;

export function unitNodes(
  { units }: Folded,
  options: UnitOptions,
  before: ReadonlyMap<string, UnitNode>,
): UnitNode[] {
  const { nodes, states, places, chosen, current, isDown } = options;
  return units.flatMap((unit) => {
    const node = nodes.get(unit.id);
    const state = stateOf(unit, states);
    if (!node || !state) return [];
    const data: UnitData = {
      label: node.label || node.node_id,
      typeLabel: node.step_type.label,
      icon: node.step_type.icon,
      color: node.step_type.color,
      state,
      size: unit.members.length,
      isChosen: chosen !== undefined && unit.members.includes(chosen),
      isCurrent: unit.id === current,
      isDown,
    };
    const position = places.get(unit.id) ?? { x: 0, y: 0 };
    const known = before.get(unit.id);
    if (
      known &&
      known.position.x === position.x &&
      known.position.y === position.y &&
      isSame(known.data, data)
    )
      return [known];
    return [
      {
        id: unit.id,
        type: 'step',
        position,
        width: WIDTH,
        height: HEIGHT,
        // Without it, only nodes that were in view could be fitted into the window.
        measured: { width: WIDTH, height: HEIGHT },
        handles: isDown ? HANDLES.down : HANDLES.right,
        data,
      },
    ];
  });
}

const ERROR_HANDLES = new Set(['error', 'timeout']);

/** The state of joined edges: taken if one of them is. */
function joinedState({ edges }: UnitEdge, known: ReadonlyMap<string, EdgeState>): EdgeState {
  const all = edges.map(({ edge_id }) => known.get(edge_id) ?? 'open');
  if (all.includes('taken')) return 'taken';
  return all.includes('open') ? 'open' : 'not-taken';
}

export function unitEdges(
  folded: Folded,
  states: ReadonlyMap<string, EdgeState>,
  steps: ReadonlyMap<string, StepState>,
  isBig: boolean,
): Edge[] {
  return folded.edges.map((edge) => {
    const state = joinedState(edge, states);
    const [first] = edge.edges;
    const source = first && steps.get(first.source_node_id);
    const target = first && steps.get(first.target_node_id);
    const label = first?.label ?? first?.source_handle;
    const isError =
      state === 'taken' &&
      (source?.isHandled === true || ERROR_HANDLES.has(first?.source_handle ?? ''));
    const isMoving =
      !isBig && state === 'taken' && (target?.status === 'running' || target?.status === 'waiting');
    return {
      id: edge.id,
      source: edge.source,
      target: edge.target,
      ...(label && !isBig ? { label } : {}),
      animated: isMoving,
      className: isError ? 'edge-taken edge-error' : `edge-${state}`,
      focusable: false,
      ...(isBig ? {} : { markerEnd: { type: MarkerType.ArrowClosed, width: 14, height: 14 } }),
      ...(isBig ? { type: 'straight' } : {}),
    };
  });
}
