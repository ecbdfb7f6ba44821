// The row of the application and its quotas, which only member managers read.
import { useAppCode, useMay } from '../shared/app.tsx';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';

export function useApplication() {
  const code = useAppCode();
  return useAppQuery(['applications'], (signal) =>
    ask(
      supabase.from('applications').select('*').eq('app_code', code).abortSignal(signal).single(),
    ),
  );
}

export function useQuotas() {
  const code = useAppCode();
  const isEnabled = useMay('member:manage');
  return useAppQuery(
    ['app_quotas'],
    (signal) =>
      ask(
        supabase.from('app_quotas').select('*').eq('app_code', code).abortSignal(signal).single(),
      ),
    { enabled: isEnabled },
  );
}

export interface Changes {
  name?: string;
  description?: string;
  run_retention_days?: number;
  event_retention_days?: number;
  audit_retention_days?: number;
  max_waiting_runs?: number;
  search_language?: string;
}

export function useUpdateApplication(onSuccess?: () => void) {
  return useAction((changes: Changes) => ask(supabase.rpc('update_application', changes)), {
    success: 'The settings are saved.',
    changes: [['applications'], ['audit_log']],
    ...(onSuccess ? { onSuccess } : {}),
  });
}
