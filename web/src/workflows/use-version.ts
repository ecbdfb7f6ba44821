// One version of a workflow with its definition.
import type { UseQueryResult } from '@tanstack/react-query';
import { ask, useAppQuery } from '../shared/query.ts';
import { type Row, supabase } from '../shared/supabase.ts';

export type Version = Row<'workflow_versions'>;

/** `id`: null reads nothing. */
export function useVersion(id: string | null | undefined): UseQueryResult<Version, Error> {
  return useAppQuery(
    ['workflows', 'version', id],
    (signal) =>
      ask(
        supabase
          .from('workflow_versions')
          .select('*')
          .eq('id', id ?? '')
          .abortSignal(signal)
          .single(),
      ),
    { enabled: Boolean(id) },
  );
}
