// The roles of the application, in their order.
import { ask, useAppQuery } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';

export function useRoles() {
  return useAppQuery(['app_roles'], (signal) =>
    ask(supabase.from('app_roles').select('*').order('ordinal').order('name').abortSignal(signal)),
  );
}
