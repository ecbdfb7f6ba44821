// The roles of the application, in their order.
import { useAppCode } from '../shared/app.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';

export function useRoles() {
  const code = useAppCode();
  return useAppQuery(['app_roles'], (signal) =>
    ask(
      supabase
        .from('app_roles')
        .select('*')
        .eq('app_code', code)
        .order('ordinal')
        .order('name')
        .abortSignal(signal),
    ),
  );
}
