// The panel of one step: each attempt with its resolved input, output and error.

import { ActionIcon, Button } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { attemptKey, hasEnded, type StepTexts } from '../../../sdk/src/live/index.ts';
import { useGo } from '../shared/address.tsx';
import { useMay } from '../shared/app.tsx';
import { dateTime, duration } from '../shared/format.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { type Run, type StepRun, supabase, type WorkflowNode } from '../shared/supabase.ts';
import { follow, type OnProblem } from './calls.ts';

interface Props {
  nodeId: string;
  node: WorkflowNode | undefined;
  steps: StepRun[];
  /** The handles of the edges that leave the step; null: taken in any case. */
  handles: (string | null)[];
  run: Run;
  /** What models are writing. */
  texts: StepTexts;
  onProblem: OnProblem;
  onClose(): void;
}

const SHOWN = 20;

/** The compensation, the step and its items; then the tools of an agent, the latest first. */
const placeOf = ({ item_index }: StepRun) => (item_index < -1 ? 1 : 0);

function Value({ title, value }: { title: string; value: unknown }) {
  if (value === null || value === undefined) return null;
  return (
    <details open>
      <summary>{title}</summary>
      <pre className="mono">{JSON.stringify(value, null, 2)}</pre>
    </details>
  );
}

function GrowingText({ text }: { text: string | undefined }) {
  return text ? (
    <details open>
      <summary>Text so far</summary>
      <pre className="mono">{text}</pre>
    </details>
  ) : null;
}

export function StepPanel({ nodeId, node, steps, handles, run, texts, onProblem, onClose }: Props) {
  const go = useGo();
  const mayStart = useMay('run:execute');
  const attempts = [...steps].sort(
    (a, b) => placeOf(a) - placeOf(b) || a.item_index - b.item_index || b.attempt - a.attempt,
  );

  const rerunFromHere = () =>
    follow(supabase.rpc('rerun', { run_id: run.id, from_step: nodeId }), onProblem, go);

  return (
    <section className="card panel" aria-label={`Step ${nodeId}`}>
      <div className="page-head">
        <div>
          <h2>{node?.label || nodeId}</h2>
          <div className="muted small mono">{nodeId}</div>
        </div>
        <ActionIcon variant="subtle" color="gray" onClick={onClose} aria-label="Close the step">
          <IconX size={18} aria-hidden="true" />
        </ActionIcon>
      </div>
      {attempts.length === 0 ? (
        <p className="muted">The run has not reached this step yet.</p>
      ) : (
        hasEnded(run.status) &&
        mayStart && (
          <div>
            <Button size="xs" variant="default" onClick={() => void rerunFromHere()}>
              Run again from here
            </Button>
          </div>
        )
      )}
      {attempts.slice(0, SHOWN).map((step) => (
        <article key={step.id} className="attempt">
          <p className="facts">
            <StatusBadge name={step.status} />
            {step.item_index > 0 && <span>item {step.item_index}</span>}
            {step.item_index === -1 && <span>compensation</span>}
            {step.item_index < -1 && <span>tool {-1 - step.item_index}</span>}
            <span>attempt {step.attempt}</span>
            <span>{duration(step.duration_ms)}</span>
          </p>
          <p className="muted small">{dateTime(step.started_at)}</p>
          {step.handle && (
            <p className="small">
              {handles.includes(step.handle)
                ? `took the branch “${step.handle}”`
                : `no edge has the handle “${step.handle}”`}
            </p>
          )}
          <Value title="Error" value={step.error} />
          {!hasEnded(step.status) && <GrowingText text={texts.get(attemptKey(step))?.text} />}
          <Value title="Output" value={step.output} />
          <Value title="Input" value={step.input} />
        </article>
      ))}
      {attempts.length > SHOWN && <p className="muted">The first {SHOWN} attempts are shown.</p>}
    </section>
  );
}
