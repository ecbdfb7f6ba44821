// What may be done with a run, by what it is doing now.
import type { PostgrestError } from '@supabase/supabase-js';
import { explain, type Run, supabase } from '../client.ts';
import { TERMINAL } from '../ui/format.ts';

interface Props {
  run: Run;
  /** What went wrong, for a person; undefined when something else is tried. */
  onProblem(problem: string | undefined): void;
}

type Answered<T> = PromiseLike<{ data: T | null; error: PostgrestError | null }>;

export function RunActions({ run, onProblem }: Props) {
  const target = { run_id: run.id };

  async function settle<T>(call: Answered<T>): Promise<T | undefined> {
    onProblem(undefined);
    const { data, error } = await call;
    if (error) onProblem(explain(error));
    return data ?? undefined;
  }

  /** Goes to the run that the call started. */
  async function follow(call: Answered<{ id: string }[] | { id: string }>): Promise<void> {
    const [started] = [await settle(call)].flat();
    if (started) location.hash = `#/runs/${started.id}`;
  }

  if (TERMINAL.has(run.status)) {
    const isDeadLetter = run.status === 'failed' || run.status === 'timed_out';
    return (
      <div className="actions">
        {isDeadLetter && (
          <button
            type="button"
            title="A new run takes over what had completed and goes on where this one failed."
            onClick={() => void follow(supabase.rpc('redrive', { run_ids: [run.id] }))}
          >
            Redrive
          </button>
        )}
        <button type="button" onClick={() => void follow(supabase.rpc('rerun', target))}>
          Run again
        </button>
      </div>
    );
  }
  if (run.ending) {
    return (
      <div className="actions">
        <button
          className="danger"
          type="button"
          title="Nothing more is undone."
          onClick={() => void settle(supabase.rpc('cancel_run', { ...target, force: true }))}
        >
          End now
        </button>
      </div>
    );
  }
  return (
    <div className="actions">
      {run.status === 'paused' && (
        <button type="button" onClick={() => void settle(supabase.rpc('resume_run', target))}>
          Resume
        </button>
      )}
      {run.status === 'running' && (
        <button type="button" onClick={() => void settle(supabase.rpc('pause_run', target))}>
          Pause
        </button>
      )}
      <button
        className="danger"
        type="button"
        onClick={() => void settle(supabase.rpc('cancel_run', target))}
      >
        Cancel
      </button>
    </div>
  );
}
