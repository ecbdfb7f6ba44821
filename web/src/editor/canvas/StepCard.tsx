// A step on the canvas: its name and type, its faults, its state in the chosen run, and a handle for each outcome.
import { Handle, type Node, type NodeProps, Position, useUpdateNodeInternals } from '@xyflow/react';
import { useEffect } from 'react';
import { StatusBadge } from '../../shared/StatusBadge.tsx';
import { StepIcon } from '../../shared/StepIcon.tsx';
import classes from '../editor.module.css';
import { useEditor } from '../editor-context.tsx';
import { labelOf, type Step } from '../model/definition.ts';
import { FAULT_HANDLES, handleLabel, handlesOf } from '../model/handles.ts';
import { pinOf } from '../model/pins.ts';

export type StepNode = Node<{ step: Step }, 'step'>;

const isFault = (handle: string | null) =>
  (FAULT_HANDLES as readonly (string | null)[]).includes(handle);

export function StepCard({ id, data: { step }, selected }: NodeProps<StepNode>) {
  const { doc, types, faultsOf, statuses, mayWrite } = useEditor();
  const type = types.get(step.type);
  const faults = faultsOf.get(id) ?? [];
  const errors = faults.filter(({ severity }) => severity === 'error').length;
  const status = statuses.get(id);
  const known = handlesOf(step, doc.draft.definition, type);
  // A step that is being edited also offers its fault outcomes.
  const handles = selected ? [...new Set([...known, ...FAULT_HANDLES])] : known;
  const isPlain = handles.length === 1 && handles[0] === null;
  const update = useUpdateNodeInternals();
  const names = handles.join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: React Flow measures handles again when they change
  useEffect(() => update(id), [id, names, update]);

  return (
    <div
      className={classes.card}
      data-step={id}
      {...(selected ? { 'data-selected': true } : {})}
      {...(errors > 0 ? { 'data-faulty': 'error' } : {})}
      {...(status ? { 'data-status': status } : {})}
    >
      <Handle
        type="target"
        position={Position.Left}
        className={classes.handle ?? ''}
        isConnectable={mayWrite}
      />
      <div className={classes.cardHead}>
        <StepIcon icon={type?.icon ?? ''} color={type?.color ?? 'currentColor'} />
        <div style={{ minWidth: 0 }}>
          <div className={classes.name} title={labelOf(step)}>
            {labelOf(step)}
          </div>
          <div className={classes.type}>{type?.label ?? step.type}</div>
        </div>
      </div>
      <div className={classes.cardFoot}>
        {status !== undefined && <StatusBadge name={status} />}
        {pinOf(step) !== undefined && <span>pinned</span>}
        {errors > 0 && (
          <span className={classes.fault}>
            {errors} {errors === 1 ? 'problem' : 'problems'}
          </span>
        )}
        {faults.length > errors && (
          <span className={classes.warning}>
            {faults.length - errors} {faults.length - errors === 1 ? 'warning' : 'warnings'}
          </span>
        )}
        {status === undefined && faults.length === 0 && <span>{id}</span>}
      </div>
      {isPlain ? (
        <Handle
          type="source"
          position={Position.Right}
          className={classes.handle ?? ''}
          isConnectable={mayWrite}
        />
      ) : (
        <div className={classes.outcomes}>
          {handles.map((handle) => (
            <div
              key={handle ?? ''}
              className={classes.outcome}
              {...(isFault(handle) ? { 'data-kind': 'fault' } : {})}
            >
              {handleLabel(handle)}
              <Handle
                type="source"
                {...(handle === null ? {} : { id: handle })}
                position={Position.Right}
                className={classes.handle ?? ''}
                isConnectable={mayWrite}
              />
            </div>
          ))}
        </div>
      )}
    </div>
  );
}
