// The page of one run, live: graph, panel of the selected step, open tasks and history.
import { useState } from 'react';
import { explain, type Json } from '../client.ts';
import { useRun } from '../live/use-run.ts';
import { dateTime, duration, words } from '../ui/format.ts';
import { Status } from '../ui/Status.tsx';
import { Graph } from './Graph.tsx';
import { History } from './History.tsx';
import { RunActions } from './RunActions.tsx';
import { StepPanel } from './StepPanel.tsx';
import { Task } from './Task.tsx';

const outcomeOf = (pending: Json) => String((pending as { status?: string }).status ?? 'ended');

export function RunPage({ runId }: { runId: string }) {
  const { snapshot, error, live, texts } = useRun(runId);
  const [chosen, setChosen] = useState<string>();
  const [problem, setProblem] = useState<string>();

  if (!snapshot) {
    return error ? (
      <p className="problem page" role="alert">
        {explain(error)}
      </p>
    ) : (
      <p className="empty">Loading…</p>
    );
  }
  const { run, workflow, steps, nodes, edges, events } = snapshot;
  const tasks = steps.filter((step) => step.status === 'waiting' && step.wait_kind === 'task');

  return (
    <section className="page run-page">
      <div className="page-head">
        <div>
          <a className="small" href="#/runs">
            ← Runs
          </a>
          <h1>{workflow.name}</h1>
          <p className="facts">
            <Status name={run.status} />
            <span>
              {run.steps_completed} of {run.steps_total} steps
            </span>
            <span>{duration(run.duration_ms)}</span>
            <span>{dateTime(run.created_at)}</span>
            {run.parent_run_id && <a href={`#/runs/${run.parent_run_id}`}>parent run</a>}
            {run.origin_run_id && (
              <a href={`#/runs/${run.origin_run_id}`}>
                rerun{run.rerun_from_step ? ` from ${run.rerun_from_step}` : ''}
              </a>
            )}
            <span className={live ? 'live on' : 'live'}>{live ? 'live' : 'connecting'}</span>
          </p>
        </div>
        <RunActions run={run} onProblem={setProblem} />
      </div>
      {(problem ?? run.error) && (
        <p className="problem" role="alert">
          {problem ??
            String((run.error as { message?: string } | null)?.message ?? 'The run failed.')}
        </p>
      )}
      {run.pending_outcome && (
        <p className="notice" role="status">
          Compensating. The run will end as <em>{words(outcomeOf(run.pending_outcome))}</em>.
        </p>
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
    </section>
  );
}
