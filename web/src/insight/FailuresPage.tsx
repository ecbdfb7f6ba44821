// Runs that failed and can be redriven.
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';

export default function FailuresPage() {
  const { data, error, refetch } = useAppQuery(['dead-letters'], (signal) =>
    ask(
      supabase
        .from('dead_letters')
        .select('*')
        .order('failed_at', { ascending: false })
        .limit(100)
        .abortSignal(signal),
    ),
  );
  return (
    <>
      <PageHeader
        title="Failures"
        help="guides/handle-failures"
        back={{ to: '/insight', label: 'Insight' }}
      />
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <LoadingState rows={3} />}
      {data?.length === 0 && <EmptyState title="No failed runs" />}
      {data?.map((row) => (
        <p key={row.run_id}>
          {row.workflow}: {row.error_message}
        </p>
      ))}
    </>
  );
}
