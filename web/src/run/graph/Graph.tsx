// The graph of the run. One Tab stop: the arrow keys walk from step to step, Enter opens one.
import '@xyflow/react/dist/style.css';
import {
  Background,
  BackgroundVariant,
  Controls,
  MiniMap,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
} from '@xyflow/react';
import { type KeyboardEvent, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { WorkflowEdge } from '../../shared/supabase.ts';
import type { RunNode, RunStep } from '../../shared/use-run.ts';
import { type FoldMode, fold } from './fold.ts';
import { GraphTools } from './GraphTools.tsx';
import classes from './graph.module.css';
import { HEIGHT, place, placeToFit, type Size, WIDTH } from './layout.ts';
import { StepNode, type UnitNode } from './StepNode.tsx';
import { edgeStates, stepStates } from './states.ts';
import { unitEdges, unitNodes } from './units.ts';
import { isArrow, walk } from './walk.ts';

interface Props {
  nodes: RunNode[];
  edges: WorkflowEdge[];
  steps: RunStep[];
  hasEnded: boolean;
  chosen: string | undefined;
  /** The graph leads down then. */
  isNarrow: boolean;
  onChoose(stepId: string): void;
}

const nodeTypes = { step: StepNode };
const FIT = { padding: 0.12, maxZoom: 1.1, minZoom: 0.01 };
/** Above, edges have no labels, and only what is in view is in the document. */
const BIG = 250;
const WITH_MAP = 24;
const CAN_FOLD = 12;
/** Until the size of the canvas is known. */
const CANVAS: Size = { width: 640, height: 460 };

const TONES: Readonly<Record<string, string>> = {
  running: 'var(--sb-running)',
  waiting: 'var(--sb-waiting)',
  completed: 'var(--sb-done)',
  failed: 'var(--sb-danger)',
  timed_out: 'var(--sb-danger)',
};
const colorOf = ({ data }: UnitNode) => TONES[data.state.status] ?? 'var(--sb-line)';

export function Graph(props: Props) {
  return (
    <ReactFlowProvider>
      <Canvas {...props} />
    </ReactFlowProvider>
  );
}

function Canvas({ nodes, edges, steps, hasEnded, chosen, isNarrow, onChoose }: Props) {
  const flow = useReactFlow<UnitNode>();
  const frame = useRef<HTMLElement>(null);
  const [mode, setMode] = useState<FoldMode>('all');
  const [expanded, setExpanded] = useState<ReadonlySet<string>>(new Set());
  const [walked, setWalked] = useState<string>();
  const states = useMemo(() => stepStates(nodes, steps, hasEnded), [nodes, steps, hasEnded]);
  const taken = useMemo(() => edgeStates(edges, steps), [edges, steps]);
  const byId = useMemo(() => new Map(nodes.map((node) => [node.node_id, node])), [nodes]);
  const folded = useMemo(
    () => fold(nodes, edges, states, mode, expanded),
    [nodes, edges, states, mode, expanded],
  );
  // The layout depends on which units there are, not on their states.
  const shape = mode === 'all' ? 'all' : folded.units.map(({ members }) => members).join(' ');
  const [canvas, setCanvas] = useState<Size>(CANVAS);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` is what the layout reads of `folded`
  const layout = useMemo(
    () =>
      isNarrow
        ? { places: place(folded, nodes, 'down'), direction: 'down' }
        : placeToFit(folded, nodes, canvas),
    [shape, nodes, isNarrow, canvas],
  );
  const { places } = layout;
  const isDown = layout.direction === 'down';
  const unitOf = (stepId: string | undefined) =>
    folded.units.find(({ members }) => stepId !== undefined && members.includes(stepId))?.id;
  const current =
    (walked !== undefined && places.has(walked) ? walked : unitOf(chosen)) ?? folded.units[0]?.id;
  const isBig = folded.units.length > BIG;

  const before = useRef<ReadonlyMap<string, UnitNode>>(new Map());
  const flowNodes = useMemo(() => {
    const made = unitNodes(
      folded,
      { nodes: byId, states, places, chosen, current, isDown },
      before.current,
    );
    before.current = new Map(made.map((node) => [node.id, node]));
    return made;
  }, [folded, byId, states, places, chosen, current, isDown]);
  const flowEdges = useMemo(
    () => unitEdges(folded, taken, states, isBig),
    [folded, taken, states, isBig],
  );

  useLayoutEffect(() => {
    const section = frame.current;
    if (!section) return;
    const measure = () => {
      const { width, height } = section.getBoundingClientRect();
      if (width > 0)
        setCanvas((now) =>
          now.width === width && now.height === height ? now : { width, height },
        );
    };
    measure();
    // A window can be turned, and become wide or narrow.
    const watch = new ResizeObserver(measure);
    watch.observe(section);
    return () => watch.disconnect();
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another picture is fitted into the window; steps that finish move nothing
  useEffect(() => {
    void flow.fitView(FIT);
  }, [mode, isDown, nodes, canvas, flow]);

  function show(unitId: string, isFocused: boolean): void {
    const at = places.get(unitId);
    const box = frame.current?.getBoundingClientRect();
    if (!at || !box) return;
    const { x, y } = flow.flowToScreenPosition({ x: at.x + WIDTH / 2, y: at.y + HEIGHT / 2 });
    const zoom = flow.getZoom();
    const isInside =
      x > box.left + 60 && x < box.right - 60 && y > box.top + 60 && y < box.bottom - 30;
    if (!isInside || !isFocused) {
      void flow.setCenter(at.x + WIDTH / 2, at.y + HEIGHT / 2, {
        zoom: isFocused ? zoom : Math.max(zoom, 0.8),
      });
    }
    setWalked(unitId);
    if (isFocused) focusSoon(frame.current, unitId);
  }

  function open(unitId: string): void {
    const unit = folded.units.find(({ id }) => id === unitId);
    if (!unit) return;
    setWalked(unitId);
    if (unit.members.length > 1) setExpanded(new Set([...expanded, ...unit.members]));
    else onChoose(unitId);
  }

  function onKeyDown(event: KeyboardEvent): void {
    const { key } = event;
    const from = event.target as HTMLElement;
    if (!isArrow(key) || from.dataset.step === undefined) return;
    event.preventDefault();
    const next = walk(from.dataset.step, key, places, folded.edges);
    if (next !== undefined) show(next, true);
  }

  return (
    <div className={classes.frame}>
      <GraphTools
        nodes={nodes}
        mode={mode}
        canFold={nodes.length >= CAN_FOLD}
        hasFailed={
          nodes.length >= CAN_FOLD && [...states.values()].some((s) => s.status === 'failed')
        }
        onMode={(next) => {
          setExpanded(new Set());
          setMode(next);
        }}
        onFind={(id) => {
          const unit = unitOf(id);
          if (unit !== undefined) show(unit, false);
          onChoose(id);
        }}
      />
      <section
        className={classes.canvas}
        ref={frame}
        aria-label="Graph of the run"
        onKeyDown={onKeyDown}
      >
        <ReactFlow
          nodes={flowNodes}
          edges={flowEdges}
          nodeTypes={nodeTypes}
          fitView
          fitViewOptions={FIT}
          minZoom={0.01}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          disableKeyboardA11y
          deleteKeyCode={null}
          // The page scrolls over the graph; pinching, or the wheel with Ctrl, zooms.
          zoomOnScroll={false}
          preventScrolling={false}
          onlyRenderVisibleElements={isBig}
          onNodeClick={(_event, node) => open(node.id)}
        >
          {!isBig && <Background variant={BackgroundVariant.Dots} gap={20} size={1.4} />}
          <Controls orientation="horizontal" showInteractive={false} fitViewOptions={FIT} />
          {nodes.length >= WITH_MAP && !isNarrow && (
            <MiniMap<UnitNode> pannable zoomable nodeColor={colorOf} ariaLabel="Overview" />
          )}
        </ReactFlow>
        {folded.units.length === 0 && <div className={classes.empty}>No step has failed.</div>}
      </section>
    </div>
  );
}

/** The button is in the document after the next drawing, if the unit was out of view. */
function focusSoon(frame: HTMLElement | null, unitId: string, tries = 10): void {
  requestAnimationFrame(() => {
    const button = frame?.querySelector<HTMLElement>(`[data-step="${CSS.escape(unitId)}"]`);
    if (button) button.focus({ preventScroll: true });
    else if (tries > 0) focusSoon(frame, unitId, tries - 1);
  });
}
