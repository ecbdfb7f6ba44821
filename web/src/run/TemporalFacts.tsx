// Where Temporal executes a run, for its page: what a member searches for in Temporal's own UI.
import { Text } from '@mantine/core';
import { ask, useAppQuery } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';
import { Copied } from './Copied.tsx';

/** The workflow id, and the namespace when the bridge has started the run. */
export function TemporalFacts({ runId }: { runId: string }) {
  const { data } = useAppQuery(['runs', runId, 'temporal'], (signal) =>
    ask(
      supabase
        .from('temporal_runs')
        .select('namespace, task_queue')
        .eq('run_id', runId)
        .abortSignal(signal)
        .maybeSingle(),
    ),
  );
  return (
    <>
      Temporal, workflow <Copied value={runId} label="workflow id" />
      {data && (
        <Text span c="dimmed" size="sm" title={`Task queue ${data.task_queue}`}>
          {' '}
          in {data.namespace}
        </Text>
      )}
    </>
  );
}
