// The components of the application with their versions, how often their calls fail, and what changes of them read again.
import { ask, useAppQuery } from '../../shared/query.ts';
import { supabase } from '../../shared/supabase.ts';
import { newestFirst } from '../versions.ts';
import { type Health, healthById } from './health.ts';

export const COMPONENT_CHANGES = [['components'], ['audit_log']] as const;

export function useComponents() {
  return useAppQuery(['components'], async (signal) =>
    newestFirst(
      await ask(supabase.from('components').select('*').is('deleted_at', null).abortSignal(signal)),
    ),
  );
}

/** The executions of each component in all workflows. */
export function useHealth() {
  return useAppQuery(
    ['activity_statistics', 'components'],
    async (signal): Promise<ReadonlyMap<string, Health>> =>
      healthById(
        await ask(
          supabase
            .from('activity_statistics')
            .select(
              'component_id, execution_count, failure_count, avg_duration_ms, max_duration_ms, last_executed_at',
            )
            .not('component_id', 'is', null)
            .abortSignal(signal),
        ),
      ),
  );
}
