// The canvas of the editor, on React Flow: moves, connects, selects and deletes steps. Steps are dropped from the
// palette. Keys: arrows move, Enter opens, Delete removes; editor/use-keys.ts has the others.
import {
  Background,
  BackgroundVariant,
  type Connection,
  Controls,
  type EdgeChange,
  type Edge as FlowEdge,
  MarkerType,
  MiniMap,
  type NodeChange,
  ReactFlow,
  useNodesInitialized,
  useReactFlow,
} from '@xyflow/react';
import '@xyflow/react/dist/style.css';
import { useMantineColorScheme } from '@mantine/core';
import { type DragEvent, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import classes from '../editor.module.css';
import { useEditor } from '../editor-context.tsx';
import { closesCycle, labelOf, type Position } from '../model/definition.ts';
import { addStep, CARD, connect, moveSteps, remove } from '../model/edits.ts';
import { DRAG_TYPE } from './drag-type.ts';
import { StepCard, type StepNode } from './StepCard.tsx';

const nodeTypes = { step: StepCard };
const GRID: [number, number] = [8, 8];

const EDGE_COLOR = 'var(--sb-neutral)';

export default function Canvas({ focus }: { focus: { id: string } | undefined }) {
  const { doc, selection, select, mayWrite, statuses } = useEditor();
  const { definition } = doc.draft;
  const { change } = doc;
  const flow = useReactFlow<StepNode>();
  const { colorScheme } = useMantineColorScheme();
  const isMeasured = useNodesInitialized();
  const frame = useRef<HTMLDivElement>(null);
  const [moving, setMoving] = useState<ReadonlyMap<string, Position>>(new Map());
  const [sizes, setSizes] = useState<Readonly<Record<string, { width: number; height: number }>>>(
    {},
  );

  const nodes = useMemo<StepNode[]>(
    () =>
      definition.nodes.map((step) => ({
        id: step.id,
        type: 'step',
        data: { step },
        position: moving.get(step.id) ?? step.position ?? { x: 0, y: 0 },
        selected: selection.steps.has(step.id),
        ariaLabel: `Step ${labelOf(step)}`,
        ...(sizes[step.id]
          ? { measured: sizes[step.id] as { width: number; height: number } }
          : {}),
      })),
    [definition.nodes, moving, selection.steps, sizes],
  );

  const edges = useMemo<FlowEdge[]>(
    () =>
      definition.edges.map((edge) => {
        const isFault = edge.sourceHandle === 'error' || edge.sourceHandle === 'timeout';
        const target = statuses.get(edge.target);
        const isTaken =
          statuses.has(edge.source) &&
          target !== undefined &&
          target !== 'pending' &&
          target !== 'skipped';
        const color = isFault ? 'var(--sb-danger)' : isTaken ? 'var(--sb-done)' : EDGE_COLOR;
        const label = typeof edge.label === 'string' ? edge.label : edge.sourceHandle;
        return {
          id: edge.id,
          source: edge.source,
          target: edge.target,
          ...(edge.sourceHandle ? { sourceHandle: edge.sourceHandle } : {}),
          ...(label ? { label } : {}),
          selected: selection.edges.has(edge.id),
          focusable: selection.edges.has(edge.id),
          markerEnd: { type: MarkerType.ArrowClosed, color, width: 16, height: 16 },
          style: { stroke: color, strokeWidth: selection.edges.has(edge.id) ? 2.5 : 1.5 },
          labelStyle: { fill: 'var(--mantine-color-text)', fontSize: 11.5 },
          labelBgStyle: { fill: 'var(--sb-page)' },
          ariaLabel: `Edge from ${edge.source} to ${edge.target}${edge.sourceHandle ? `, ${edge.sourceHandle}` : ''}`,
        };
      }),
    [definition.edges, selection.edges, statuses],
  );

  const onNodesChange = useCallback(
    (changes: NodeChange<StepNode>[]) => {
      const places = new Map<string, Position>();
      let isDragging = false;
      let picked: Set<string> | undefined;
      for (const one of changes) {
        if (one.type === 'position' && one.position) {
          places.set(one.id, one.position);
          isDragging ||= one.dragging === true;
        } else if (one.type === 'select') {
          picked ??= new Set(selection.steps);
          if (one.selected) picked.add(one.id);
          else picked.delete(one.id);
        } else if (one.type === 'dimensions' && one.dimensions) {
          const { dimensions, id } = one;
          setSizes((known) => ({ ...known, [id]: dimensions }));
        }
      }
      if (picked !== undefined) select({ steps: picked, edges: new Set() });
      if (places.size === 0 || !mayWrite) return;
      if (isDragging) setMoving((known) => new Map([...known, ...places]));
      else {
        setMoving(new Map());
        change((draft) => moveSteps(draft, places), 'move');
      }
    },
    [change, mayWrite, select, selection.steps],
  );

  const onEdgesChange = useCallback(
    (changes: EdgeChange[]) => {
      let picked: Set<string> | undefined;
      for (const one of changes) {
        if (one.type !== 'select') continue;
        picked ??= new Set(selection.edges);
        if (one.selected) picked.add(one.id);
        else picked.delete(one.id);
      }
      if (picked !== undefined) select({ steps: selection.steps, edges: picked });
    },
    [select, selection],
  );

  const onConnect = ({ source, target, sourceHandle }: Connection) =>
    change((draft) => connect(draft, { source, target, handle: sourceHandle ?? null }));

  function drop(event: DragEvent): void {
    const type = event.dataTransfer.getData(DRAG_TYPE);
    if (type === '' || !mayWrite) return;
    event.preventDefault();
    const place = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
    const position = { x: place.x - CARD.width / 2, y: place.y - CARD.height / 2 };
    const added = addStep(doc.draft, { type, position });
    change(() => added.draft);
    select({ steps: new Set([added.id]), edges: new Set() });
  }

  // biome-ignore lint/correctness/useExhaustiveDependencies: once the cards have their sizes
  useEffect(() => {
    if (isMeasured) void flow.fitView({ padding: 0.15, maxZoom: 1 });
  }, [isMeasured]);

  // The panel that opens beside the canvas may cover the step.
  const [chosen] = selection.steps;
  const only = selection.steps.size === 1 ? chosen : undefined;
  useEffect(() => {
    if (only === undefined) return;
    const timer = setTimeout(() => {
      const card = frame.current?.querySelector(`[data-id="${CSS.escape(only)}"]`);
      const [inner, outer] = [
        card?.getBoundingClientRect(),
        frame.current?.getBoundingClientRect(),
      ];
      if (!inner || !outer) return;
      const isSeen =
        inner.left >= outer.left &&
        inner.right <= outer.right &&
        inner.top >= outer.top &&
        inner.bottom <= outer.bottom;
      const node = flow.getNode(only);
      if (isSeen || node === undefined) return;
      const { x, y } = node.position;
      void flow.setCenter(x + CARD.width / 2, y + CARD.height / 2, { zoom: flow.getZoom() });
    }, 60);
    return () => clearTimeout(timer);
  }, [only, flow]);

  useEffect(() => {
    if (focus === undefined) return;
    void flow.fitView({ nodes: [{ id: focus.id }], maxZoom: 1, duration: 200 });
  }, [focus, flow]);

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the palette offers the same by keys and clicks
    <div
      ref={frame}
      className={classes.canvas}
      onDragOver={(event) => {
        if (event.dataTransfer.types.includes(DRAG_TYPE)) event.preventDefault();
      }}
      onDrop={drop}
    >
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        onNodesChange={onNodesChange}
        onEdgesChange={onEdgesChange}
        onConnect={onConnect}
        onPaneClick={() => select({ steps: new Set(), edges: new Set() })}
        onDelete={({ nodes: gone, edges: lines }) =>
          change((draft) =>
            remove(draft, new Set(gone.map(({ id }) => id)), new Set(lines.map(({ id }) => id))),
          )
        }
        isValidConnection={({ source, target }) => !closesCycle(definition, source, target)}
        nodesDraggable={mayWrite}
        nodesConnectable={mayWrite}
        deleteKeyCode={mayWrite ? ['Delete', 'Backspace'] : null}
        multiSelectionKeyCode={['Shift', 'Meta', 'Control']}
        selectionKeyCode="Shift"
        snapToGrid
        snapGrid={GRID}
        minZoom={0.05}
        maxZoom={1.6}
        colorMode={colorScheme === 'auto' ? 'system' : colorScheme}
        onlyRenderVisibleElements={definition.nodes.length > 150}
        panOnScroll
        zoomOnScroll={false}
        aria-label="Canvas"
      >
        <Background variant={BackgroundVariant.Dots} gap={24} size={1.2} />
        <Controls showInteractive={false} />
        {definition.nodes.length > 8 && (
          <MiniMap pannable zoomable ariaLabel="Overview of the canvas" />
        )}
      </ReactFlow>
    </div>
  );
}
