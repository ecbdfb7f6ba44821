// The page of one run, live: graph, panel of the selected step, open tasks and history.
import '@xyflow/react/dist/style.css';
import './run.css';
import { Alert, Text } from '@mantine/core';
import { useEffect, useState } from 'react';
import { hasEnded } from '../../../sdk/src/live/index.ts';
import { AppLink, usePathParam } from '../shared/address.tsx';
import { announce } from '../shared/announce.tsx';
import { dateTime, duration, words } from '../shared/format.ts';
import { PageHeader } from '../shared/PageHeader.tsx';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import type { Json } from '../shared/supabase.ts';
import { useRun } from '../shared/use-run.ts';
import { Graph } from './Graph.tsx';
import { History } from './History.tsx';
import { RunActions } from './RunActions.tsx';
import { StepPanel } from './StepPanel.tsx';
import { Task } from './Task.tsx';

const outcomeOf = (pending: Json) => String((pending as { status?: string }).status ?? 'ended');

const TEXTS = { not_found: 'There is no such run in this application.' };

export default function RunPage() {
  const runId = usePathParam('runId');
  return <RunOf key={runId} runId={runId} />;
}

function RunOf({ runId }: { runId: string }) {
  const { snapshot, error, live, texts } = useRun(runId);
  const [chosen, setChosen] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const status = snapshot?.run.status;
  useEffect(() => {
    if (status !== undefined && hasEnded(status)) announce(`The run is ${words(status)}.`);
  }, [status]);

  if (!snapshot) return error ? <ErrorState error={error} texts={TEXTS} /> : <LoadingState />;
  const { run, workflow, steps, nodes, edges, events } = snapshot;
  const tasks = steps.filter((step) => step.status === 'waiting' && step.wait_kind === 'task');
  const failure = problem ?? (run.error as { message?: string } | null)?.message;

  return (
    <div className="run-page">
      <PageHeader
        title={workflow.name}
        help="concepts/runs-and-steps"
        back={{ to: '/runs', label: 'Runs' }}
        actions={<RunActions run={run} onProblem={setProblem} />}
      >
        <div className="facts run-facts">
          <StatusBadge name={run.status} />
          <span>
            {run.steps_completed} of {run.steps_total} steps
          </span>
          <span>{duration(run.duration_ms)}</span>
          <span>{dateTime(run.created_at)}</span>
          {run.parent_run_id && <AppLink to={`/runs/${run.parent_run_id}`}>parent run</AppLink>}
          {run.origin_run_id && (
            <AppLink to={`/runs/${run.origin_run_id}`}>
              rerun{run.rerun_from_step ? ` from ${run.rerun_from_step}` : ''}
            </AppLink>
          )}
          <span className={live ? 'live on' : 'live'}>{live ? 'live' : 'connecting'}</span>
        </div>
      </PageHeader>
      {failure && (
        <Alert color="red" role="alert">
          <Text c="var(--mantine-color-text)">{failure}</Text>
        </Alert>
      )}
      {run.pending_outcome && (
        <Alert color="yellow" role="status" className="run-notice">
          <Text c="var(--mantine-color-text)">
            Compensating. The run will end as <em>{words(outcomeOf(run.pending_outcome))}</em>.
          </Text>
        </Alert>
      )}
      {tasks.map((task) => (
        <Task key={task.id} task={task} />
      ))}
      <div className="run-columns">
        <Graph nodes={nodes} edges={edges} steps={steps} chosen={chosen} onChoose={setChosen} />
        <aside>
          {chosen ? (
            <StepPanel
              nodeId={chosen}
              node={nodes.find((node) => node.node_id === chosen)}
              steps={steps.filter((step) => step.step_id === chosen)}
              handles={edges
                .filter((edge) => edge.source_node_id === chosen)
                .map((edge) => edge.source_handle)}
              run={run}
              texts={texts}
              onProblem={setProblem}
              onClose={() => setChosen(undefined)}
            />
          ) : (
            <History events={events} />
          )}
        </aside>
      </div>
    </div>
  );
}
