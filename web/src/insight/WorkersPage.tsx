// The workers that execute the steps: their status, last heartbeat and how busy they are.
import { Stack, Text } from '@mantine/core';
import { type Column, DataTable } from '../shared/DataTable.tsx';
import { count } from '../shared/format.ts';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';

type Worker = Row<'workers'>;

const MOST = 100;
const REFRESH_MS = 10_000;

const COLUMNS: Column<Worker>[] = [
  {
    id: 'worker',
    header: 'Worker',
    cell: ({ worker_id, hostname, error_message }) => (
      <Stack gap={0}>
        <Text style={{ overflowWrap: 'anywhere' }}>{worker_id}</Text>
        <Text size="xs" c="dimmed">
          {error_message ?? hostname}
        </Text>
      </Stack>
    ),
  },
  { id: 'status', header: 'Status', cell: ({ status }) => <StatusBadge name={status} /> },
  {
    id: 'heartbeat',
    header: 'Last heartbeat',
    cell: ({ last_heartbeat_at }) => <RelativeTime at={last_heartbeat_at} />,
  },
  {
    id: 'busy',
    header: 'Steps in flight',
    align: 'end',
    hideBelow: 'sm',
    cell: ({ executing, concurrency }) =>
      concurrency === null ? count(executing) : `${count(executing)} of ${count(concurrency)}`,
  },
  {
    id: 'queue',
    header: 'Queue',
    hideBelow: 'md',
    cell: ({ task_queue_name }) => task_queue_name,
  },
  { id: 'version', header: 'Version', hideBelow: 'lg', cell: ({ version }) => version ?? '–' },
  {
    id: 'started',
    header: 'Started',
    hideBelow: 'lg',
    cell: ({ started_at }) => <RelativeTime at={started_at} />,
  },
];

export default function WorkersPage() {
  const { data, error, refetch } = useAppQuery(
    ['workers'],
    (signal) =>
      ask(
        supabase
          .from('workers')
          .select('*')
          .order('last_heartbeat_at', { ascending: false })
          .limit(MOST)
          .abortSignal(signal),
      ),
    { refetchInterval: REFRESH_MS },
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
      {data && data.length > 0 && (
        <DataTable
          label="Workers"
          columns={COLUMNS}
          rows={data}
          rowId={({ id }) => id}
          rowProps={({ worker_id }) => ({ 'data-worker': worker_id })}
        />
      )}
      {data?.length === MOST && (
        <Text size="sm" c="dimmed" mt="sm">
          The {MOST} workers with the latest heartbeats are shown.
        </Text>
      )}
    </>
  );
}
