// An open task: an approval to decide, or an answer to enter as JSON; a person can claim it.
import { Button, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { exampleOf } from '../../../functions/_shared/expressions/schema-example.ts';
import { parseJsonToPassOn } from '../../../functions/_shared/text/json-numbers.ts';
import { explain } from '../shared/errors.ts';
import { type Json, type StepRun, supabase } from '../shared/supabase.ts';

interface TaskText {
  title?: string;
  description?: string;
  approvals_required?: number;
  form?: Json;
}

export function Task({ task }: { task: StepRun }) {
  const { title, description, approvals_required = 1, form } = (task.task ?? {}) as TaskText;
  const approval = task.step_type === 'wait_for_approval';
  const [text, setText] = useState(approval ? '' : JSON.stringify(exampleOf(form) ?? {}));
  const [problem, setProblem] = useState<string>();
  const [notice, setNotice] = useState<string>();
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
    const { data, error } = approval
      ? await supabase
          .rpc('decide_approval', {
            step_run_id: task.id,
            approved,
            ...(text ? { comment: text } : {}),
          })
          .single<StepRun>()
      : await supabase.rpc('complete_task', { step_run_id: task.id, output }).single<StepRun>();
    setBusy(false);
    if (error) setProblem(explain(error));
    else if (data.status === 'waiting') setNotice('Your decision counts. Others must decide, too.');
  }

  async function claim(): Promise<void> {
    setProblem(undefined);
    setBusy(true);
    const call = task.claimed_by === null ? 'claim_task' : 'release_task';
    const { error } = await supabase.rpc(call, { step_run_id: task.id });
    setBusy(false);
    if (error) setProblem(explain(error));
  }

  return (
    <section className="card task" aria-label="Task">
      <div>
        <h2>{title ?? task.step_id}</h2>
        {description && <p>{description}</p>}
        <TextInput
          label={approval ? 'Comment' : 'Answer (JSON)'}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        {task.claimed_by !== null && <Text c="dimmed">A person has claimed this task.</Text>}
        {notice && <p role="status">{notice}</p>}
        {problem && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
      </div>
      <div className="actions">
        {approvals_required === 1 && (
          <Button variant="default" disabled={busy} onClick={() => void claim()}>
            {task.claimed_by === null ? 'Claim' : 'Release'}
          </Button>
        )}
        {approval && (
          <Button color="red.8" disabled={busy} onClick={() => void finish(false)}>
            Reject
          </Button>
        )}
        <Button disabled={busy} onClick={() => void finish(true)}>
          {approval ? 'Approve' : 'Complete'}
        </Button>
      </div>
    </section>
  );
}
