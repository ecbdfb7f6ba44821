// The runs that wait for a slot of a task queue, each with its place.
import { Text } from '@mantine/core';
import { AppLink } from '../shared/address.tsx';
import { type Column, DataTable } from '../shared/DataTable.tsx';
import { Drawer } from '../shared/dialogs.tsx';
import { count } from '../shared/format.ts';
import { ask, useAppQuery } from '../shared/query.ts';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';

interface Waiting {
  place: number;
  run_id: string;
  workflow: string;
  workflow_name: string;
  priority: number;
  has_workflow_limit: boolean;
  created_at: string;
}

const MOST = 100;
const REFRESH_MS = 5_000;

const COLUMNS: Column<Waiting>[] = [
  { id: 'place', header: 'Place', align: 'end', cell: ({ place }) => count(place) },
  {
    id: 'run',
    header: 'Run',
    cell: ({ run_id, workflow_name, has_workflow_limit }) => (
      <>
        <AppLink to={`/runs/${run_id}`} size="sm">
          {workflow_name} <span className="mono">…{run_id.slice(-6)}</span>
        </AppLink>
        {has_workflow_limit && (
          <Text size="xs" c="dimmed">
            also waits for the limit of its workflow
          </Text>
        )}
      </>
    ),
  },
  { id: 'priority', header: 'Priority', align: 'end', cell: ({ priority }) => priority },
  {
    id: 'since',
    header: 'Waits since',
    cell: ({ created_at }) => <RelativeTime at={created_at} />,
  },
];

interface Props {
  queue: { name: string; display_name: string; waiting_runs: number | null };
  onClose(): void;
}

export function WaitingRuns({ queue, onClose }: Props) {
  const { data, error, refetch } = useAppQuery(
    ['queues', queue.name, 'waiting'],
    async (signal) =>
      (await ask(
        supabase
          .rpc('list_waiting_runs', { queue: queue.name, page_size: MOST })
          .abortSignal(signal),
      )) as unknown as Waiting[],
    { refetchInterval: REFRESH_MS },
  );
  return (
    <Drawer
      opened
      onClose={onClose}
      title={`Runs that wait for ${queue.display_name}`}
      position="right"
      size="lg"
    >
      <Text size="sm" c="dimmed" mb="sm">
        Runs with a higher priority start first, then older ones.
      </Text>
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {!data && !error && <LoadingState rows={4} />}
      {data?.length === 0 && <EmptyState title="No run waits for this queue" />}
      {data && data.length > 0 && (
        <DataTable
          label="Waiting runs"
          columns={COLUMNS}
          rows={data}
          rowId={({ run_id }) => run_id}
          rowProps={({ run_id }) => ({ 'data-waiting': run_id })}
        />
      )}
      {data?.length === MOST && (
        <Text size="sm" c="dimmed" mt="sm">
          The first {MOST} of {count(queue.waiting_runs ?? MOST)} are shown.
        </Text>
      )}
    </Drawer>
  );
}
