// An open task: an approval to decide, or an answer to enter as JSON.
import { useState } from 'react';
import { parseJsonToPassOn } from '../../../functions/_shared/text/json-numbers.ts';
import { explain, type Json, type StepRun, supabase } from '../client.ts';

interface TaskText {
  title?: string;
  description?: string;
}

export function Task({ task }: { task: StepRun }) {
  const { title, description } = (task.task ?? {}) as TaskText;
  const approval = task.step_type === 'wait_for_approval';
  const [text, setText] = useState(approval ? '' : '{}');
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);

  async function finish(approved: boolean): Promise<void> {
    setProblem(undefined);
    let output: Json = {};
    if (!approval) {
      try {
        output = parseJsonToPassOn(text) as Json;
      } catch (error) {
        setProblem(`This is not JSON: ${(error as Error).message}`);
        return;
      }
    }
    setBusy(true);
    const { error } = approval
      ? await supabase.rpc('decide_approval', {
          step_run_id: task.id,
          approved,
          ...(text ? { comment: text } : {}),
        })
      : await supabase.rpc('complete_task', { step_run_id: task.id, output });
    setBusy(false);
    if (error) setProblem(explain(error));
  }

  return (
    <section className="card task" aria-label="Task">
      <div>
        <h2>{title ?? task.step_id}</h2>
        {description && <p>{description}</p>}
        <label>
          {approval ? 'Comment' : 'Answer (JSON)'}
          <input value={text} onChange={(event) => setText(event.target.value)} />
        </label>
        {problem && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
      </div>
      <div className="actions">
        {approval && (
          <button
            className="danger"
            type="button"
            disabled={busy}
            onClick={() => void finish(false)}
          >
            Reject
          </button>
        )}
        <button className="primary" type="button" disabled={busy} onClick={() => void finish(true)}>
          {approval ? 'Approve' : 'Complete'}
        </button>
      </div>
    </section>
  );
}
