// The workers that execute the steps.
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';

export default function WorkersPage() {
  const { data, error, refetch } = useAppQuery(['workers'], (signal) =>
    ask(
      supabase
        .from('workers')
        .select('*')
        .order('last_heartbeat_at', { ascending: false })
        .limit(100)
        .abortSignal(signal),
    ),
  );
  return (
    <>
      <PageHeader
        title="Workers"
        help="internals/worker"
        back={{ to: '/insight', label: 'Insight' }}
      />
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <LoadingState rows={3} />}
      {data?.length === 0 && <EmptyState title="No workers" />}
      {data?.map((row) => (
        <p key={row.id}>
          {row.worker_id}: {row.status}
        </p>
      ))}
    </>
  );
}
