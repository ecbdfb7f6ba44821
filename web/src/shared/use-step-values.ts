// The outputs and errors of the steps of a run, which useRun leaves out. The editor fills expressions with them.
import { useAppQuery } from './query.ts';
import { readAll } from './read-all.ts';
import { type StepRun, supabase } from './supabase.ts';
import type { RunSnapshot } from './use-run.ts';

export type StepValues = Pick<
  StepRun,
  'id' | 'step_id' | 'attempt' | 'status' | 'handle' | 'output' | 'error'
>;

const NONE: StepValues[] = [];

/** The attempts of the steps, without those of items and compensations; read again when the run changes. */
export function useStepValues(snapshot: RunSnapshot | undefined): StepValues[] {
  const run = snapshot?.run;
  const { data } = useAppQuery(
    ['runs', run?.id, 'step-values', run?.updated_at, snapshot?.steps.length],
    (signal) =>
      readAll<StepValues>(
        (from, to) =>
          supabase
            .from('step_runs')
            .select('id,step_id,attempt,status,handle,output,error')
            .eq('run_id', run?.id ?? '')
            .eq('item_index', 0)
            .order('created_at')
            .order('id')
            .range(from, to)
            .abortSignal(signal),
        ({ id }) => id,
      ),
    { enabled: run !== undefined, placeholderData: (before) => before },
  );
  return data ?? NONE;
}
