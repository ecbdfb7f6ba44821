// The workflows of the application: for choices, and for the names of those that a schedule or a trigger starts.
import { useMemo } from 'react';
import { ask, useAppQuery } from '../shared/query.ts';
import { readAll } from '../shared/read-all.ts';
import { type Json, supabase } from '../shared/supabase.ts';

export interface Choice {
  id: string;
  kebab_name: string;
  name: string;
  published_version_id: string | null;
}

export interface Workflows {
  /** Undefined while they are read. */
  all: Choice[] | undefined;
  byId: ReadonlyMap<string, Choice>;
}

export function useWorkflows(): Workflows {
  const { data } = useAppQuery(['workflows', 'of-triggers'], (signal) =>
    readAll<Choice>(
      (from, to) =>
        supabase
          .from('workflows')
          .select('id,kebab_name,name,published_version_id')
          .is('deleted_at', null)
          .order('name')
          .order('kebab_name')
          .range(from, to)
          .abortSignal(signal),
      ({ id }) => id,
    ),
  );
  const byId = useMemo(() => new Map(data?.map((each) => [each.id, each])), [data]);
  return { all: data, byId };
}

/** The input schema of a version; undefined without one, and while it is read. */
export function useInputSchema(versionId: string | null | undefined): Json | undefined {
  const { data } = useAppQuery(
    ['workflow_versions', versionId, 'input-schema'],
    async (signal) => {
      const { input_schema } = await ask(
        supabase
          .from('workflow_versions')
          .select('input_schema')
          .eq('id', versionId ?? '')
          .abortSignal(signal)
          .single(),
      );
      return { input_schema };
    },
    { enabled: Boolean(versionId) },
  );
  return data?.input_schema ?? undefined;
}
