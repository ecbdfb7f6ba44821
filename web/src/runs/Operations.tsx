// The bulk operations of the application, kept current: those that run, those that ended a short while ago, and a button
// for all others. The first load of the list of runs has neither the cards nor what they open.
import { Button, Group, Stack } from '@mantine/core';
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

function Listed({ operations }: { operations: readonly Operation[] }) {
  const [drawer, setDrawer] = useState<'open' | 'closed'>();
  const now = useNow();
  const recent = operations.filter(
    ({ status, ended_at }) =>
      status === 'running' || (ended_at && now - new Date(ended_at).getTime() < RECENT_MS),
  );
  return (
    <Stack gap="xs" mb="md" role="region" aria-label="Bulk operations">
      <Suspense>
        {recent.slice(0, SHOWN).map((operation) => (
          <OperationCard key={operation.id} operation={operation} />
        ))}
      </Suspense>
      <Group justify="flex-end">
        <Button size="compact-xs" variant="subtle" onClick={() => setDrawer('open')}>
          All bulk operations
        </Button>
      </Group>
      {drawer && (
        <Suspense>
          <AllOperations
            operations={operations}
            isOpen={drawer === 'open'}
            onClose={() => setDrawer('closed')}
          />
        </Suspense>
      )}
    </Stack>
  );
}

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
      {data && data.length > 0 && <Listed operations={data} />}
    </>
  );
}
