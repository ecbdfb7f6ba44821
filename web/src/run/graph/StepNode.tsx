// A step, or a group of steps, on the canvas. What it shows depends on the zoom: all of it, its name alone, or its color
// alone, because 2,000 nodes with texts that are too small to read would cost seconds.
import { Handle, type Node, type NodeProps, Position, useStore } from '@xyflow/react';
import { memo } from 'react';
import { count, duration, words } from '../../shared/format.ts';
import { StatusBadge } from '../../shared/StatusBadge.tsx';
import { StepIcon } from '../../shared/StepIcon.tsx';
import { toneOf } from '../../shared/status-tones.ts';
import classes from './graph.module.css';
import type { StepState } from './states.ts';

export type UnitData = {
  label: string;
  typeLabel: string;
  icon: string;
  color: string;
  state: StepState;
  /** How many steps it stands for. */
  size: number;
  isChosen: boolean;
  /** The one that Tab reaches; the arrow keys move from it. */
  isCurrent: boolean;
  isDown: boolean;
};

export type UnitNode = Node<UnitData, 'step'>;

const detailOf = ({ transform: [, , zoom] }: { transform: [number, number, number] }) =>
  zoom < 0.22 ? 'color' : zoom < 0.45 ? 'name' : 'all';

/** A group shows how many further steps it has. */
const shortName = (label: string, size: number) => (size > 1 ? `${label} +${size - 1}` : label);

/** What a screen reader says where the texts are left out. */
function describe({ label, typeLabel, state, size }: UnitData): string {
  const { status, durationMs, isHandled } = state;
  return [
    shortName(label, size),
    size > 1 ? `${size} steps` : typeLabel,
    isHandled ? 'failed, continued' : words(status),
    durationMs === null ? '' : duration(durationMs),
  ]
    .filter(Boolean)
    .join(', ');
}

function Foot({ state, size }: { state: StepState; size: number }) {
  const { status, isHandled, items, attempt, undo, durationMs } = state;
  const facts = [
    items && `${count(items.done)}/${count(items.total)}`,
    attempt > 1 && size === 1 && !isHandled && `attempt ${attempt}`,
    undo ?? (durationMs === null || size > 1 || items ? '' : duration(durationMs)),
  ].filter(Boolean);
  return (
    <span className={classes.foot}>
      <StatusBadge name={status} {...(isHandled ? { label: 'failed, continued' } : {})} />
      <span className={classes.facts}>{facts.join(' · ')}</span>
    </span>
  );
}

export const StepNode = memo(function StepNode({ id, data }: NodeProps<UnitNode>) {
  const detail = useStore(detailOf);
  const { label, typeLabel, icon, color, state, size, isChosen, isCurrent, isDown } = data;
  return (
    <>
      <Handle
        type="target"
        position={isDown ? Position.Top : Position.Left}
        isConnectable={false}
      />
      <button
        type="button"
        className={`step-node nopan ${classes.unit}`}
        data-step={id}
        data-status={state.status}
        data-tone={state.isHandled ? 'waiting' : toneOf(state.status)}
        data-detail={detail}
        data-group={size > 1 ? size : undefined}
        aria-label={detail === 'all' ? undefined : describe(data)}
        aria-pressed={isChosen}
        tabIndex={isCurrent ? 0 : -1}
      >
        {detail === 'all' && (
          <>
            <span className={classes.head}>
              <StepIcon icon={icon} color={color} />
              <span className={classes.names}>
                <span className={classes.label}>{label}</span>
                <span className={classes.type}>{size > 1 ? `${size} steps` : typeLabel}</span>
              </span>
            </span>
            <Foot state={state} size={size} />
          </>
        )}
        {detail === 'name' && <span className={classes.big}>{shortName(label, size)}</span>}
      </button>
      <Handle
        type="source"
        position={isDown ? Position.Bottom : Position.Right}
        isConnectable={false}
      />
    </>
  );
});
