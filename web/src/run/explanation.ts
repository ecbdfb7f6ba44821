// The answer of explain_run: why an open run, and each open step, stands where it is.
import { ask, useAppQuery } from '../shared/query.ts';
import { type Run, supabase } from '../shared/supabase.ts';

export interface Reason {
  code: string;
  sentence: string;
  since?: string;
  until?: string;
}

export interface StepReason extends Reason {
  step: string;
  step_run_id: string;
  /** From 1, of an item of a for_each. */
  item?: number;
  attempt: number;
  status: string;
  child_run_id?: string;
}

export interface Explanation {
  run: Reason;
  steps: StepReason[];
  open_steps: number;
}

/** Waits that a worker, a slot or a clock ends change without a message of the run. */
const AGAIN_MS = 5_000;

export function useExplanation(run: Run, isOpen: boolean): Explanation | undefined {
  const { data } = useAppQuery(
    ['explain-run', run.id, run.event_seq],
    async (signal) =>
      (await ask(
        supabase.rpc('explain_run', { run_id: run.id }).abortSignal(signal),
      )) as unknown as Explanation,
    {
      enabled: isOpen,
      refetchInterval: AGAIN_MS,
      placeholderData: (known) => known,
    },
  );
  return isOpen ? data : undefined;
}
