// The runs of the application: newest first, filtered by status, live. The filter is in the address.
import { Button, Group, Progress, Text, VisuallyHidden } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { lazy, Suspense } from 'react';
import { AppLink, useAddressParam } from '../shared/address.tsx';
import { useMay } from '../shared/app.tsx';
import { useCommands } from '../shared/commands.ts';
import type { Column } from '../shared/DataTable.tsx';
import { words } from '../shared/format.ts';
import { ListView } from '../shared/ListView.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { Duration, RelativeTime } from '../shared/Times.tsx';
import { rpcPage, useList } from '../shared/use-list.ts';
import { useRunsTopic } from '../shared/use-live.ts';

const StartRun = lazy(() =>
  import('./StartRun.tsx').then(({ StartRun }) => ({ default: StartRun })),
);

interface ListedRun {
  id: string;
  workflow: string;
  status: string;
  trigger_type: string;
  steps_total: number;
  steps_completed: number;
  created_at: string;
  started_at: string | null;
  duration_ms: number | null;
}

const FILTERS = [
  'all',
  'running',
  'completed',
  'failed',
  'paused',
  'pending',
  'cancelled',
  'timed_out',
];

const COLUMNS: Column<ListedRun>[] = [
  {
    id: 'workflow',
    header: 'Workflow',
    cell: ({ id, workflow }) => (
      <>
        <AppLink to={`/runs/${id}`}>{workflow}</AppLink>
        <Text size="xs" c="dimmed" className="mono">
          {id.slice(-12)}
        </Text>
      </>
    ),
  },
  { id: 'status', header: 'Status', cell: ({ status }) => <StatusBadge name={status} /> },
  {
    id: 'steps',
    header: 'Steps',
    hideBelow: 'sm',
    cell: ({ steps_completed, steps_total }) => (
      <Group gap="xs" wrap="nowrap">
        <Progress
          value={(100 * steps_completed) / Math.max(steps_total, 1)}
          w={80}
          aria-label="Steps resolved"
        />
        <Text size="sm" c="dimmed">
          {steps_completed}/{steps_total}
        </Text>
      </Group>
    ),
  },
  {
    id: 'trigger',
    header: 'Started by',
    hideBelow: 'md',
    cell: ({ trigger_type }) => words(trigger_type),
  },
  {
    id: 'created',
    header: 'Created',
    hideBelow: 'sm',
    cell: ({ created_at }) => <RelativeTime at={created_at} />,
  },
  {
    id: 'duration',
    header: 'Duration',
    align: 'end',
    cell: ({ status, duration_ms, started_at }) => (
      <Duration ms={duration_ms} since={status === 'running' ? started_at : null} />
    ),
  },
];

export default function RunsPage() {
  const [status = 'all', setStatus] = useAddressParam('status');
  const [isStarting, starting] = useDisclosure();
  const mayStart = useMay('run:execute');
  const list = useList<ListedRun>({
    key: ['runs', 'list', status],
    live: useRunsTopic(),
    page: (cursor, signal) =>
      rpcPage(
        supabase
          .rpc('search_runs', {
            filter: status === 'all' ? {} : { status: [status] },
            ...(cursor === undefined ? {} : { cursor }),
          })
          .abortSignal(signal),
      ),
  });
  useCommands(mayStart ? [{ id: 'start-run', label: 'Start a run', run: starting.open }] : [], [
    mayStart,
  ]);

  return (
    <>
      <PageHeader
        title="Runs"
        help="guides/find-runs"
        actions={mayStart && <Button onClick={starting.open}>Start a run</Button>}
      />
      <Group component="fieldset" gap={6} mb="md" p={0} bd={0} m={0}>
        <VisuallyHidden component="legend">Status</VisuallyHidden>
        {FILTERS.map((name) => (
          <Button
            key={name}
            size="compact-sm"
            radius="xl"
            variant={name === status ? 'filled' : 'default'}
            aria-pressed={name === status}
            onClick={() => setStatus(name === 'all' ? undefined : name)}
          >
            {words(name)}
          </Button>
        ))}
      </Group>
      <ListView
        list={list}
        label="Runs"
        columns={COLUMNS}
        rowId={({ id }) => id}
        rowProps={({ id }) => ({ 'data-run': id })}
        empty={
          <EmptyState title={status === 'all' ? 'No runs yet' : `No run is ${words(status)}`}>
            Start a run to watch its progress.
          </EmptyState>
        }
      />
      {isStarting && (
        <Suspense fallback={null}>
          <StartRun onClose={starting.close} />
        </Suspense>
      )}
    </>
  );
}
