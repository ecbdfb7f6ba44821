// The graph of the run; each node shows its newest step run.
import {
  Background,
  BackgroundVariant,
  Controls,
  type Edge,
  Handle,
  type Node,
  type NodeChange,
  type NodeProps,
  Position,
  ReactFlow,
} from '@xyflow/react';
import { useCallback, useMemo, useState } from 'react';
import { duration } from '../shared/format.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { StepIcon } from '../shared/StepIcon.tsx';
import type { StepRun, StepType, WorkflowEdge, WorkflowNode } from '../shared/supabase.ts';
import { positions } from './layout.ts';

interface Props {
  nodes: WorkflowNode[];
  edges: WorkflowEdge[];
  steps: StepRun[];
  chosen: string | undefined;
  onChoose(nodeId: string): void;
}

type StepData = {
  label: string;
  type: StepType;
  status: string;
  attempt: number;
  durationMs: number | null;
  items: { done: number; total: number } | undefined;
  /** The status of its compensation. */
  undo: string | undefined;
};

const UNDO: Record<string, string> = {
  completed: 'undone',
  failed: 'not undone',
  cancelled: 'not undone',
};

function StepNode({ id, data, selected }: NodeProps<Node<StepData>>) {
  return (
    <div
      className={`step-node status-${data.status}${selected ? ' chosen' : ''}`}
      data-step={id}
      data-status={data.status}
    >
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <div className="step-head">
        <StepIcon icon={data.type.icon} color={data.type.color} />
        <div>
          <div className="step-label">{data.label}</div>
          <div className="muted small">{data.type.label}</div>
        </div>
      </div>
      <div className="step-foot">
        <StatusBadge name={data.status} />
        <span className="muted small">
          {data.items ? `${data.items.done}/${data.items.total} items ` : ''}
          {data.attempt > 1 ? `attempt ${data.attempt} ` : ''}
          {data.undo ?? (data.durationMs === null ? '' : duration(data.durationMs))}
        </span>
      </div>
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  );
}

const nodeTypes = { step: StepNode };

/** Step runs by step; item_index 0 is the step itself, -1 its compensation. */
function newestAttempts(steps: StepRun[], itemIndex: number): Map<string, StepRun> {
  const newest = new Map<string, StepRun>();
  for (const step of steps) {
    const known = newest.get(step.step_id);
    if (step.item_index === itemIndex && (!known || step.attempt >= known.attempt)) {
      newest.set(step.step_id, step);
    }
  }
  return newest;
}

export function Graph({ nodes, edges, steps, chosen, onChoose }: Props) {
  const newest = useMemo(() => newestAttempts(steps, 0), [steps]);
  const undoing = useMemo(() => newestAttempts(steps, -1), [steps]);
  const places = useMemo(() => positions(nodes, edges), [nodes, edges]);

  // React Flow hides a node until it is measured. Keeping the size avoids that on a change of status.
  const [sizes, setSizes] = useState<Record<string, { width: number; height: number }>>({});
  const onNodesChange = useCallback((changes: NodeChange<Node<StepData>>[]) => {
    const measured = changes.flatMap((change) =>
      change.type === 'dimensions' && change.dimensions
        ? [[change.id, change.dimensions] as const]
        : [],
    );
    if (measured.length > 0) {
      setSizes((known) => ({ ...known, ...Object.fromEntries(measured) }));
    }
  }, []);

  const flowNodes: Node<StepData>[] = nodes.map((node) => {
    const step = newest.get(node.node_id);
    const undo = undoing.get(node.node_id);
    const size = sizes[node.node_id];
    return {
      id: node.node_id,
      type: 'step',
      ...(size ? { measured: size } : {}),
      position: places.get(node.node_id) ?? { x: 0, y: 0 },
      selected: node.node_id === chosen,
      data: {
        label: node.label || node.node_id,
        type: node.step_type,
        status: step?.status ?? 'pending',
        attempt: step?.attempt ?? 1,
        durationMs: step?.duration_ms ?? null,
        items: step?.items_total
          ? { done: step.items_total - step.pending_in, total: step.items_total }
          : undefined,
        undo: undo && (UNDO[undo.status] ?? 'undoing'),
      },
    };
  });

  const flowEdges: Edge[] = edges.map((edge) => {
    const source = newest.get(edge.source_node_id);
    const target = newest.get(edge.target_node_id);
    const resolved = source?.status === 'completed';
    const taken = resolved && (edge.source_handle === null || edge.source_handle === source.handle);
    const moving = taken && (target?.status === 'running' || target?.status === 'waiting');
    return {
      id: edge.edge_id,
      source: edge.source_node_id,
      target: edge.target_node_id,
      label: edge.label ?? edge.source_handle ?? undefined,
      animated: moving,
      className: taken ? 'edge-taken' : resolved ? 'edge-not-taken' : 'edge-open',
    };
  });

  return (
    <div className="graph card">
      <ReactFlow
        nodes={flowNodes}
        edges={flowEdges}
        nodeTypes={nodeTypes}
        onNodesChange={onNodesChange}
        fitView
        fitViewOptions={{ padding: 0.15, maxZoom: 1.1 }}
        minZoom={0.2}
        nodesDraggable={false}
        nodesConnectable={false}
        deleteKeyCode={null}
        onNodeClick={(_event, node) => onChoose(node.id)}
        aria-label="Graph of the run"
      >
        <Background variant={BackgroundVariant.Dots} gap={20} size={1.4} />
        <Controls showInteractive={false} />
      </ReactFlow>
    </div>
  );
}
