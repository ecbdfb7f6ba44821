// The answer of read_overview: what is open and what stands still.
import type { UseQueryResult } from '@tanstack/react-query';
import { useMay } from '../shared/app.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';
import { useLiveKeys, useRunsTopic } from '../shared/use-live.ts';

export interface StuckRun {
  run_id: string;
  workflow: string;
  step: string | null;
  minutes: number;
}

export interface Overview {
  open_runs: Record<string, number>;
  stuck_runs: StuckRun[];
  waiting_runs: { since: string | null; runs: number };
}

export function useOverview(): UseQueryResult<Overview, Error> {
  useLiveKeys(useRunsTopic(), [
    ['runs', 'overview'],
    ['workflows', 'failing'],
  ]);
  return useAppQuery(
    ['runs', 'overview'],
    async (signal) =>
      (await ask(supabase.rpc('read_overview').abortSignal(signal))) as unknown as Overview,
    { enabled: useMay('run:read') },
  );
}
