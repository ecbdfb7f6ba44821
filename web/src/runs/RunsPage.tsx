// The runs of the application: newest first, filtered by status, live.
import { useState } from 'react';
import { explain } from '../client.ts';
import { useRuns } from '../live/use-runs.ts';
import { dateTime, duration, words } from '../ui/format.ts';
import { Status } from '../ui/Status.tsx';
import { StartRun } from './StartRun.tsx';

const FILTERS = [
  'all',
  'running',
  'completed',
  'failed',
  'paused',
  'pending',
  'cancelled',
  'timed_out',
];

export function RunsPage({ appCode }: { appCode: string }) {
  const [status, setStatus] = useState('all');
  const [starting, setStarting] = useState(false);
  const { runs, error, hasMore, more } = useRuns(appCode, status);

  return (
    <section className="page">
      <div className="page-head">
        <h1>Runs</h1>
        <button className="primary" type="button" onClick={() => setStarting(true)}>
          Start a run
        </button>
      </div>
      <fieldset className="filters">
        <legend className="visually-hidden">Status</legend>
        {FILTERS.map((name) => (
          <button
            key={name}
            type="button"
            aria-pressed={name === status}
            onClick={() => setStatus(name)}
          >
            {words(name)}
          </button>
        ))}
      </fieldset>
      {error && (
        <p className="problem" role="alert">
          {explain(error)}
        </p>
      )}
      {runs?.length === 0 && (
        <p className="empty">No runs yet. Start a run to watch its progress.</p>
      )}
      {runs === undefined && !error && <p className="empty">Loading…</p>}
      {runs && runs.length > 0 && (
        <div className="table-wrap">
          <table>
            <thead>
              <tr>
                <th scope="col">Workflow</th>
                <th scope="col">Status</th>
                <th scope="col">Steps</th>
                <th scope="col">Started by</th>
                <th scope="col">Created</th>
                <th scope="col" className="number">
                  Duration
                </th>
              </tr>
            </thead>
            <tbody>
              {runs.map((run) => (
                <tr key={run.id} data-run={run.id}>
                  <td>
                    <a href={`#/runs/${run.id}`}>{run.workflows?.name ?? run.id.slice(0, 8)}</a>
                    <div className="muted small mono">{run.workflows?.kebab_name}</div>
                  </td>
                  <td>
                    <Status name={run.status} />
                  </td>
                  <td>
                    <progress
                      aria-label="Steps resolved"
                      max={Math.max(run.steps_total, 1)}
                      value={run.steps_completed}
                    />
                    <span className="muted small">
                      {run.steps_completed}/{run.steps_total}
                    </span>
                  </td>
                  <td className="muted">{words(run.trigger_type)}</td>
                  <td className="muted">{dateTime(run.created_at)}</td>
                  <td className="number">{duration(run.duration_ms)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {hasMore && (
        <button type="button" onClick={more}>
          Show more
        </button>
      )}
      {starting && <StartRun appCode={appCode} onClose={() => setStarting(false)} />}
    </section>
  );
}
