// The workflow that the address names by its kebab-case name or its id.
import { usePathParam } from '../shared/address.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function useWorkflow() {
  const name = usePathParam('workflow');
  return useAppQuery(['workflows', 'one', name], (signal) =>
    ask(
      supabase
        .from('workflows')
        .select('*')
        .eq(UUID.test(name) ? 'id' : 'kebab_name', name)
        .is('deleted_at', null)
        .abortSignal(signal)
        .single(),
    ),
  );
}
