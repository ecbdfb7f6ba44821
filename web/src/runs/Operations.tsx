// The bulk operations of the application, kept current; their cards are loaded when there is an operation.
import { lazy, Suspense } from 'react';
import { ask, useAppQuery } from '../shared/query.ts';
import { ErrorState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { useLiveKeys, useOperationsTopic } from '../shared/use-live.ts';

const OperationCards = lazy(() => import('./OperationCards.tsx'));
const KEY = ['operations'] as const;

export function Operations() {
  const { data, error, refetch } = useAppQuery(KEY, (signal) =>
    ask(
      supabase
        .from('run_operations')
        .select('*')
        .order('created_at', { ascending: false })
        .limit(50)
        .abortSignal(signal),
    ),
  );
  useLiveKeys(useOperationsTopic(), [KEY]);
  return (
    <>
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data && data.length > 0 && (
        <Suspense>
          <OperationCards operations={data} />
        </Suspense>
      )}
    </>
  );
}
