// One run, live: its graph, what the chosen step did, the tasks that wait, and its history.
import { useState } from 'react';
import { explain, supabase } from '../client.ts';
import { useRun } from '../live/use-run.ts';
import { dateTime, duration, TERMINAL } from '../ui/format.ts';
import { Status } from '../ui/Status.tsx';
import { Graph } from './Graph.tsx';
import { History } from './History.tsx';
import { StepPanel } from './StepPanel.tsx';
import { Task } from './Task.tsx';

export function RunPage({ runId }: { runId: string }) {
  const { snapshot, error, live } = useRun(runId);
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
  const ended = TERMINAL.has(run.status);
  const tasks = steps.filter((step) => step.status === 'waiting' && step.wait_kind === 'task');

  async function act(name: 'cancel_run' | 'pause_run' | 'resume_run' | 'rerun'): Promise<void> {
    setProblem(undefined);
    const { data, error: refused } = await supabase.rpc(name, { run_id: runId });
    if (refused) setProblem(explain(refused));
    else if (name === 'rerun' && data) location.hash = `#/runs/${data.id}`;
  }

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
            <span className={live ? 'live on' : 'live'}>{live ? 'live' : 'connecting'}</span>
          </p>
        </div>
        <div className="actions">
          {run.status === 'paused' && (
            <button type="button" onClick={() => void act('resume_run')}>
              Resume
            </button>
          )}
          {run.status === 'running' && (
            <button type="button" onClick={() => void act('pause_run')}>
              Pause
            </button>
          )}
          {ended ? (
            <button type="button" onClick={() => void act('rerun')}>
              Run again
            </button>
          ) : (
            <button className="danger" type="button" onClick={() => void act('cancel_run')}>
              Cancel
            </button>
          )}
        </div>
      </div>
      {(problem ?? run.error) && (
        <p className="problem" role="alert">
          {problem ??
            String((run.error as { message?: string } | null)?.message ?? 'The run failed.')}
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
