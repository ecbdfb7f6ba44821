// The bulk operations of the application, kept current: `<Operations />` shows those that run and those that ended a
// short while ago, `<OperationsButton />` opens all of them. The first load of the list of runs has neither the cards nor
// what they open.
import { Button, Stack } from '@mantine/core';
import { IconStack2 } from '@tabler/icons-react';
import type { UseQueryResult } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { ask, useAppQuery } from '../shared/query.ts';
import { ErrorState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { useNow } from '../shared/Times.tsx';
import { useLiveKeys, useOperationsTopic } from '../shared/use-live.ts';
import type { Operation } from './bulk.ts';

const OperationCard = lazy(() => import('./OperationCard.tsx'));
const AllOperations = lazy(() => import('./AllOperations.tsx'));
const KEY = ['operations'] as const;
/** Ended operations stay in sight for this long. */
const RECENT_MS = 120_000;
/** At most so many are above the list. */
const SHOWN = 3;

function useOperations(): UseQueryResult<Operation[], Error> {
  return useAppQuery<Operation[]>(KEY, (signal) =>
    ask(
      supabase
        .from('run_operations')
        .select('*')
        .order('created_at', { ascending: false })
        .limit(50)
        .abortSignal(signal),
    ),
  );
}

function Recent({ operations }: { operations: readonly Operation[] }) {
  const now = useNow();
  const recent = operations.filter(
    ({ status, ended_at }) =>
      status === 'running' || (ended_at && now - new Date(ended_at).getTime() < RECENT_MS),
  );
  if (recent.length === 0) return null;
  return (
    <Stack gap="xs" mb="md" role="region" aria-label="Bulk operations">
      <Suspense>
        {recent.slice(0, SHOWN).map((operation) => (
          <OperationCard key={operation.id} operation={operation} />
        ))}
      </Suspense>
    </Stack>
  );
}

export function Operations() {
  const { data, error, refetch } = useOperations();
  useLiveKeys(useOperationsTopic(), [KEY]);
  return (
    <>
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data && data.length > 0 && <Recent operations={data} />}
    </>
  );
}

/** For the line of the filters. There is none before the first operation. */
export function OperationsButton() {
  const { data = [] } = useOperations();
  const [drawer, setDrawer] = useState<'open' | 'closed'>();
  if (data.length === 0) return null;
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconStack2 size={16} aria-hidden="true" />}
        aria-label="All bulk operations"
        aria-haspopup="dialog"
        onClick={() => setDrawer('open')}
      >
        Operations
      </Button>
      {drawer && (
        <Suspense>
          <AllOperations
            operations={data}
            isOpen={drawer === 'open'}
            onClose={() => setDrawer('closed')}
          />
        </Suspense>
      )}
    </>
  );
}
