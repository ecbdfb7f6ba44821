// The database triggers that start runs.
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { TriggerTabs } from './TriggerTabs.tsx';

export default function DatabaseTriggersPage() {
  const { data, error, refetch } = useAppQuery(['database-triggers'], (signal) =>
    ask(supabase.from('database_triggers').select('*').order('name').abortSignal(signal)),
  );
  return (
    <>
      <PageHeader title="Database triggers" help="guides/database-triggers" />
      <TriggerTabs page="/database-triggers" />
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <LoadingState rows={3} />}
      {data?.length === 0 && <EmptyState title="No database triggers yet" />}
      {data?.map(({ id, name, table_name, workflow }) => (
        <p key={id}>
          {name}: {table_name} starts {workflow}
        </p>
      ))}
    </>
  );
}
