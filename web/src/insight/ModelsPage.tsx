// The prices of models and their use.
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';

export default function ModelsPage() {
  const { data, error, refetch } = useAppQuery(['model-prices'], (signal) =>
    ask(supabase.from('model_prices').select('*').limit(100).abortSignal(signal)),
  );
  return (
    <>
      <PageHeader
        title="Models"
        help="guides/model-budgets"
        back={{ to: '/insight', label: 'Insight' }}
      />
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <LoadingState rows={3} />}
      {data?.length === 0 && <EmptyState title="No prices of models" />}
      {data?.map((row) => (
        <p key={JSON.stringify(row)}>{JSON.stringify(row)}</p>
      ))}
    </>
  );
}
