// The actions that the status of a run and the role of the person allow.
import { Button } from '@mantine/core';
import { hasEnded } from '../../../sdk/src/live/index.ts';
import { useGo } from '../shared/address.tsx';
import { useMay } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import { type Run, supabase } from '../shared/supabase.ts';
import { follow, type OnProblem, settle } from './calls.ts';

interface Props {
  run: Run;
  onProblem: OnProblem;
}

export function RunActions({ run, onProblem }: Props) {
  const target = { run_id: run.id };
  const go = useGo();
  const mayStart = useMay('run:execute');
  const mayStop = useMay('run:cancel');

  async function cancel(force: boolean): Promise<void> {
    const answer = await confirm({
      title: force ? 'End the run now?' : 'Cancel the run?',
      text: force
        ? 'The steps that are not undone yet stay as they are.'
        : 'No further step starts, and completed steps with a compensation are undone.',
      action: force ? 'End run' : 'Cancel run',
      isDangerous: true,
      reason: 'optional',
    });
    if (answer === undefined) return;
    const { reason } = answer;
    const args = { ...target, ...(reason ? { reason } : {}), ...(force ? { force } : {}) };
    await settle(supabase.rpc('cancel_run', args), onProblem);
  }

  if (hasEnded(run.status)) {
    if (!mayStart) return null;
    const isDeadLetter = run.status === 'failed' || run.status === 'timed_out';
    return (
      <>
        {isDeadLetter && (
          <Button
            title="A new run takes over what had completed and continues where this one failed."
            onClick={() =>
              void follow(supabase.rpc('redrive', { run_ids: [run.id] }), onProblem, go)
            }
          >
            Redrive
          </Button>
        )}
        <Button
          variant="default"
          onClick={() => void follow(supabase.rpc('rerun', target), onProblem, go)}
        >
          Run again
        </Button>
      </>
    );
  }
  if (run.pending_outcome) {
    if (!mayStop) return null;
    return (
      <Button color="red.8" title="Nothing more is undone." onClick={() => void cancel(true)}>
        End now
      </Button>
    );
  }
  return (
    <>
      {run.status === 'paused' && mayStart && (
        <Button
          variant="default"
          onClick={() => void settle(supabase.rpc('resume_run', target), onProblem)}
        >
          Resume
        </Button>
      )}
      {run.status === 'running' && mayStart && (
        <Button
          variant="default"
          onClick={() => void settle(supabase.rpc('pause_run', target), onProblem)}
        >
          Pause
        </Button>
      )}
      {mayStop && (
        <Button color="red.8" onClick={() => void cancel(false)}>
          Cancel
        </Button>
      )}
    </>
  );
}
