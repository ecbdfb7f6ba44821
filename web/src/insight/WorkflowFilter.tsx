// The choice of a workflow whose numbers or failures are shown. It is kept in the address as `workflow`.
import { Select } from '@mantine/core';
import { useAddressParam } from '../shared/address.tsx';
import { useAppQuery } from '../shared/query.ts';
import { readAll } from '../shared/read-all.ts';
import { supabase } from '../shared/supabase.ts';

export interface KnownWorkflow {
  id: string;
  kebab_name: string;
  name: string;
}

/** The workflows of the application, also deleted ones, which statistics name; undefined until they are read. */
export function useKnownWorkflows(): KnownWorkflow[] | undefined {
  const { data } = useAppQuery(
    ['workflows', 'names'],
    (signal): Promise<KnownWorkflow[]> =>
      readAll(
        (from, to) =>
          supabase
            .from('workflows')
            .select('id, kebab_name, name')
            .order('name')
            .order('id')
            .range(from, to)
            .abortSignal(signal),
        ({ id }) => id,
      ),
    { staleTime: 60_000 },
  );
  return data;
}

export function WorkflowFilter() {
  const [workflow, setWorkflow] = useAddressParam('workflow');
  const workflows = useKnownWorkflows() ?? [];
  return (
    <Select
      aria-label="Workflow"
      placeholder="All workflows"
      clearable
      searchable
      limit={100}
      w={240}
      data={workflows.map(({ kebab_name, name }) => ({ value: kebab_name, label: name }))}
      value={workflow ?? null}
      onChange={(next) => setWorkflow(next ?? undefined)}
    />
  );
}
