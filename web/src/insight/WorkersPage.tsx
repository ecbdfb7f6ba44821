// The workers that execute the steps: how many are alive and how busy they are, and each with its last heartbeat.
import { Alert, Box, Progress, Stack, Switch, Text } from '@mantine/core';
import { useState } from 'react';
import { type Column, DataTable } from '../shared/DataTable.tsx';
import { count, duration } from '../shared/format.ts';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime, useNow } from '../shared/Times.tsx';
import { Fact, Facts } from '../workflows/overview/Facts.tsx';
import { InsightTabs } from './InsightTabs.tsx';

type Worker = Row<'workers'> & { projects: { name: string } | null };

const MOST = 200;
const REFRESH_MS = 10_000;
/** Resident workers send a heartbeat at least every 40 seconds; the database counts them as lost later. */
const SILENT_MS = 60_000;

const isAlive = ({ status }: Worker): boolean => status === 'running' || status === 'draining';

/** "12 completed, 1 failed", as the worker reports since its start. */
function workOf({ metadata }: Worker): string | undefined {
  const { completed, failed } = (metadata ?? {}) as { completed?: number; failed?: number };
  if (completed === undefined) return undefined;
  return `${count(completed)} completed${failed ? `, ${count(failed)} failed` : ''}`;
}

function Heartbeat({ worker }: { worker: Worker }) {
  const now = useNow();
  const silence = now - new Date(worker.last_heartbeat_at).getTime();
  const isSilent = isAlive(worker) && worker.mode === 'resident' && silence > SILENT_MS;
  return (
    <Stack gap={0}>
      <RelativeTime at={worker.last_heartbeat_at} />
      {isSilent && (
        <Text size="xs" c="var(--sb-danger)">
          silent for {duration(silence)}
        </Text>
      )}
    </Stack>
  );
}

function Busy({ worker }: { worker: Worker }) {
  const { executing, concurrency, worker_id } = worker;
  if (!isAlive(worker)) return <Text size="sm">–</Text>;
  if (concurrency === null) return <Text size="sm">{count(executing)}</Text>;
  return (
    <Box miw={88}>
      <Text size="sm">
        {count(executing)} of {count(concurrency)}
      </Text>
      <Progress
        size={5}
        value={(100 * executing) / concurrency}
        color="var(--sb-running)"
        aria-label={`Steps in flight of ${worker_id}`}
      />
    </Box>
  );
}

const COLUMNS: Column<Worker>[] = [
  {
    id: 'worker',
    header: 'Worker',
    cell: ({ worker_id, hostname, mode, error_message, projects }) => (
      <Stack gap={0}>
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          {worker_id}
        </Text>
        <Text size="xs" c={error_message ? 'var(--sb-danger)' : 'dimmed'} lineClamp={2}>
          {error_message ??
            [
              mode === 'invocation' ? 'Edge Function' : '',
              hostname,
              projects && `project ${projects.name}`,
            ]
              .filter(Boolean)
              .join(', ')}
        </Text>
      </Stack>
    ),
  },
  {
    id: 'status',
    header: 'Status',
    cell: ({ status }) => <StatusBadge name={status} />,
  },
  { id: 'heartbeat', header: 'Last heartbeat', cell: (worker) => <Heartbeat worker={worker} /> },
  {
    id: 'busy',
    header: 'Steps in flight',
    hideBelow: 'sm',
    cell: (worker) => <Busy worker={worker} />,
  },
  {
    id: 'work',
    header: 'Since its start',
    hideBelow: 'md',
    cell: (worker) => (
      <Stack gap={0}>
        <RelativeTime at={worker.started_at} />
        <Text size="xs" c="dimmed">
          {workOf(worker)}
        </Text>
      </Stack>
    ),
  },
  {
    id: 'queue',
    header: 'Queue',
    hideBelow: 'lg',
    cell: ({ task_queue_name }) => (task_queue_name === '*' ? 'all' : task_queue_name),
  },
  { id: 'version', header: 'Version', hideBelow: 'lg', cell: ({ version }) => version ?? '–' },
];

function Health({ workers }: { workers: readonly Worker[] }) {
  const alive = workers.filter(isAlive);
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  const executing = sum(alive.map((worker) => worker.executing));
  const capacity = sum(alive.map(({ concurrency }) => concurrency ?? 0));
  const lost = workers.filter(({ status }) => status === 'lost' || status === 'error').length;
  return (
    <Facts>
      <Fact label="Alive" value={count(alive.length)} isBad={alive.length === 0} />
      <Fact
        label="Steps in flight"
        value={capacity > 0 ? `${count(executing)} of ${count(capacity)}` : count(executing)}
      />
      <Fact label="Draining" value={count(alive.filter((w) => w.status === 'draining').length)} />
      <Fact label="Lost or failed" value={count(lost)} isBad={lost > 0} />
    </Facts>
  );
}

export default function WorkersPage() {
  const [showsAll, setShowsAll] = useState(false);
  const { data, error, refetch } = useAppQuery(
    ['workers'],
    (signal) =>
      ask(
        supabase
          .from('workers')
          .select('*, projects(name)')
          .order('last_heartbeat_at', { ascending: false })
          .limit(MOST)
          .abortSignal(signal),
      ),
    { refetchInterval: REFRESH_MS },
  );
  // Stopped workers are history; lost ones and those that ended with an error need a look.
  const shown = data?.filter(({ status }) => showsAll || status !== 'stopped') ?? [];
  const stopped = (data?.length ?? 0) - (data?.filter((w) => w.status !== 'stopped').length ?? 0);
  return (
    <>
      <PageHeader title="Workers" help="internals/worker" />
      <InsightTabs page="/insight/workers" />
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <LoadingState rows={4} />}
      {data?.length === 0 && (
        <EmptyState title="No workers">
          A worker is listed here after its first heartbeat. Without one, no step runs.
        </EmptyState>
      )}
      {data && data.length > 0 && (
        <Stack>
          <Health workers={data} />
          {!data.some(isAlive) && (
            <Alert color="red" variant="light" title="No worker is alive">
              <Text size="sm" c="var(--mantine-color-text)">
                Steps wait until a worker starts or the database calls one.
              </Text>
            </Alert>
          )}
          {stopped > 0 && (
            <Switch
              label={`Show ${count(stopped)} stopped ${stopped === 1 ? 'worker' : 'workers'}`}
              checked={showsAll}
              onChange={(event) => setShowsAll(event.currentTarget.checked)}
            />
          )}
          {shown.length > 0 && (
            <DataTable
              label="Workers"
              columns={COLUMNS}
              rows={shown}
              rowId={({ id }) => id}
              rowProps={({ worker_id }) => ({ 'data-worker': worker_id })}
            />
          )}
        </Stack>
      )}
      {data?.length === MOST && (
        <Text size="sm" c="dimmed" mt="sm">
          The {MOST} workers with the latest heartbeats are shown.
        </Text>
      )}
    </>
  );
}
