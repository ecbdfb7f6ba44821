// A picture of a definition, for looking only. With `changes` it colors what two versions do not share. React Flow and
// dagre are loaded with it: pages import LazyGraph.
import '@xyflow/react/dist/style.css';
import { useComputedColorScheme } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import {
  Background,
  BackgroundVariant,
  Controls,
  type Edge,
  Handle,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
} from '@xyflow/react';
import { useMemo } from 'react';
import { words } from '../../shared/format.ts';
import { StepIcon } from '../../shared/StepIcon.tsx';
import classes from './DefinitionGraph.module.css';
import { type Changes, type Definition, NO_CHANGES, type Tone, toneOf } from './definition.ts';
import { placesOf } from './layout.ts';
import { useStepTypes } from './use-step-types.ts';

type StepData = {
  label: string;
  type: string;
  icon: string;
  color: string;
  tone: Tone;
  isNarrow: boolean;
};

function StepNode({ data }: NodeProps<Node<StepData>>) {
  return (
    <div className={classes.node} data-tone={data.tone}>
      <Handle
        type="target"
        position={data.isNarrow ? Position.Top : Position.Left}
        isConnectable={false}
      />
      <StepIcon icon={data.icon} color={data.color} />
      <div className={classes.names}>
        <div className={classes.label}>{data.label}</div>
        <div className={classes.type}>
          {data.type}
          {data.tone === 'same' ? '' : `, ${data.tone}`}
        </div>
      </div>
      <Handle
        type="source"
        position={data.isNarrow ? Position.Bottom : Position.Right}
        isConnectable={false}
      />
    </div>
  );
}

const nodeTypes = { step: StepNode };
/** As in the style sheet. */
const NARROW = '(max-width: 36em)';

export interface GraphProps {
  definition: Definition;
  /** What the picture shows, for screen readers. */
  label: string;
  nodeChanges?: Changes;
  edgeChanges?: Changes;
  isTall?: boolean;
}

export default function DefinitionGraph(props: GraphProps) {
  const { definition, label, nodeChanges = NO_CHANGES, edgeChanges = NO_CHANGES } = props;
  const types = useStepTypes();
  const colorMode = useComputedColorScheme('light');
  const isNarrow = useMediaQuery(NARROW, matchMedia(NARROW).matches) ?? false;
  const places = useMemo(() => placesOf(definition, isNarrow), [definition, isNarrow]);
  const nodes: Node<StepData>[] = definition.nodes.map((node) => {
    const type = types.get(node.type);
    return {
      id: node.id,
      type: 'step',
      position: places.get(node.id) ?? { x: 0, y: 0 },
      data: {
        label: node.label,
        type: type?.label ?? words(node.type),
        icon: type?.icon ?? 'box',
        color: type?.color ?? '#64748b',
        tone: toneOf(node.id, nodeChanges),
        isNarrow,
      },
    };
  });
  const edges: Edge[] = definition.edges.map(({ id, source, target, handle }) => ({
    id,
    source,
    target,
    ...(handle === undefined ? {} : { label: words(handle) }),
    className: `edge-${toneOf(id, edgeChanges)}`,
  }));
  return (
    // biome-ignore lint/a11y/useSemanticElements: the picture is made of elements
    <div
      className={`${classes.frame} ${props.isTall ? classes.tall : ''}`}
      role="group"
      aria-label={label}
    >
      <ReactFlow
        // It fits its nodes when it appears.
        key={isNarrow ? 'down' : 'right'}
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        colorMode={colorMode}
        fitView
        fitViewOptions={{ padding: 0.12, maxZoom: 1 }}
        minZoom={0.02}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        preventScrolling={false}
        zoomOnScroll={false}
        deleteKeyCode={null}
      >
        <Background variant={BackgroundVariant.Dots} gap={20} size={1.2} />
        <Controls showInteractive={false} />
      </ReactFlow>
    </div>
  );
}
