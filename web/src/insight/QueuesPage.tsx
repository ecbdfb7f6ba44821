// The task queues of the application.
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';

export default function QueuesPage() {
  const { data, error, refetch } = useAppQuery(['task-queues'], (signal) =>
    ask(supabase.from('task_queues').select('*').order('name').abortSignal(signal)),
  );
  return (
    <>
      <PageHeader
        title="Queues"
        help="guides/concurrency-limits"
        back={{ to: '/insight', label: 'Insight' }}
      />
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <LoadingState rows={3} />}
      {data?.length === 0 && <EmptyState title="No queues" />}
      {data?.map((row) => (
        <p key={row.id}>{row.display_name}</p>
      ))}
    </>
  );
}
