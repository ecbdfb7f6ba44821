// The calls that change a run, with their outcome: those that start another run open it.
import { useGo } from '../../shared/address.tsx';
import { confirm } from '../../shared/confirm.tsx';
import { type Action, ask, useAction } from '../../shared/query.ts';
import { type Run, supabase } from '../../shared/supabase.ts';

const CHANGES = [['runs'], ['open-tasks'], ['tasks'], ['dead-letters']] as const;

type Started = { id: string };

/** An action whose result is a run that is opened. */
export function useStarting<Input = void>(
  work: (input: Input) => Promise<Started | undefined>,
  success: string,
): Action<Input, Started | undefined> {
  const go = useGo();
  return useAction(work, {
    success,
    changes: CHANGES,
    onSuccess: (started) => {
      if (started) go(`/runs/${started.id}`);
    },
  });
}

/** `force`: also if a later run repeats this one; otherwise that run is opened. */
export const useRedrive = (run: Run, force: boolean) =>
  useStarting(async () => {
    const [started] = (await ask(
      supabase.rpc('redrive', { run_ids: [run.id], force }),
    )) as Started[];
    return started;
  }, 'A new run continues where this one failed.');

export const usePause = (run: Run) =>
  useAction(async () => ask(supabase.rpc('pause_run', { run_id: run.id })), { changes: CHANGES });

export const useResume = (run: Run) =>
  useAction(async () => ask(supabase.rpc('resume_run', { run_id: run.id })), { changes: CHANGES });

/** Asks first. `force`: ends the run without compensation. */
export function useCancel(run: Run): (force: boolean) => Promise<void> {
  const cancel = useAction(
    async (more: { reason?: string; force?: boolean }) =>
      ask(supabase.rpc('cancel_run', { run_id: run.id, ...more })),
    { changes: CHANGES },
  );
  return async (force) => {
    const answer = await confirm({
      title: force ? 'End the run now?' : 'Cancel the run?',
      text: force
        ? 'The steps that are not undone yet stay as they are.'
        : 'No further step starts, and completed steps with a compensation are undone.',
      action: force ? 'End run' : 'Cancel run',
      isDangerous: true,
      // The run keeps the reason of the cancellation that began its compensation.
      ...(force ? {} : { reason: 'optional' as const }),
    });
    if (answer === undefined) return;
    const { reason } = answer;
    cancel.run({ ...(reason ? { reason } : {}), ...(force ? { force } : {}) });
  };
}
