// The actions that the status of a run allows.
import { hasEnded } from '../../../sdk/src/live/index.ts';
import { type Run, supabase } from '../client.ts';
import { follow, type OnProblem, settle } from './calls.ts';

interface Props {
  run: Run;
  onProblem: OnProblem;
}

export function RunActions({ run, onProblem }: Props) {
  const target = { run_id: run.id };

  if (hasEnded(run.status)) {
    const isDeadLetter = run.status === 'failed' || run.status === 'timed_out';
    return (
      <div className="actions">
        {isDeadLetter && (
          <button
            type="button"
            title="A new run takes over what had completed and goes on where this one failed."
            onClick={() => void follow(supabase.rpc('redrive', { run_ids: [run.id] }), onProblem)}
          >
            Redrive
          </button>
        )}
        <button type="button" onClick={() => void follow(supabase.rpc('rerun', target), onProblem)}>
          Run again
        </button>
      </div>
    );
  }
  if (run.pending_outcome) {
    return (
      <div className="actions">
        <button
          className="danger"
          type="button"
          title="Nothing more is undone."
          onClick={() =>
            void settle(supabase.rpc('cancel_run', { ...target, force: true }), onProblem)
          }
        >
          End now
        </button>
      </div>
    );
  }
  return (
    <div className="actions">
      {run.status === 'paused' && (
        <button
          type="button"
          onClick={() => void settle(supabase.rpc('resume_run', target), onProblem)}
        >
          Resume
        </button>
      )}
      {run.status === 'running' && (
        <button
          type="button"
          onClick={() => void settle(supabase.rpc('pause_run', target), onProblem)}
        >
          Pause
        </button>
      )}
      <button
        className="danger"
        type="button"
        onClick={() => void settle(supabase.rpc('cancel_run', target), onProblem)}
      >
        Cancel
      </button>
    </div>
  );
}
