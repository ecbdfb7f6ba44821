// The task queues of the application: their limits, what is busy and what waits. A queue can be paused and resumed.
import { Button, Stack, Text } from '@mantine/core';
import { useMay } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import { type Column, DataTable } from '../shared/DataTable.tsx';
import { count } from '../shared/format.ts';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';

interface Queue {
  id: string;
  name: string;
  display_name: string;
  max_runs: number | null;
  max_steps: number | null;
  workflows: number;
  busy_runs: number | null;
  waiting_runs: number | null;
  busy_steps: number | null;
  waiting_steps: number | null;
  oldest_waiting_since: string | null;
  switch: { id: string; mode: 'drain' | 'pause'; reason: string } | null;
}

const KEY = ['queues'] as const;
const REFRESH_MS = 10_000;

/** Slots are only counted if there is a limit. */
function Load({ limit, busy, waiting }: Record<'limit' | 'busy' | 'waiting', number | null>) {
  if (limit === null) return <Text c="dimmed">No limit</Text>;
  return (
    <Text>
      {count(busy ?? 0)} of {count(limit)} busy, {count(waiting ?? 0)} waiting
    </Text>
  );
}

function Control({ queue }: { queue: Queue }) {
  const changes = [KEY];
  const pause = useAction(
    (reason: string) =>
      ask(
        supabase.rpc('set_incident_switch', {
          scope: 'task_queue',
          target: queue.name,
          mode: 'pause',
          reason,
        }),
      ),
    { changes, success: 'The queue is paused.' },
  );
  const release = useAction(
    (id: string) => ask(supabase.rpc('release_incident_switch', { switch_id: id })),
    { changes, success: 'The queue is resumed.' },
  );
  const held = queue.switch;
  const question = {
    title: `Pause ${queue.display_name}?`,
    text: 'New runs wait, and no further step starts. Steps in flight finish.',
    action: 'Pause queue',
    reason: 'required',
  } as const;
  return (
    <Button
      size="compact-sm"
      variant="default"
      aria-label={`${held ? 'Resume' : 'Pause'} ${queue.display_name}`}
      loading={pause.isRunning || release.isRunning}
      onClick={async () => {
        if (held) return release.run(held.id);
        const answer = await confirm(question);
        if (answer) pause.run(answer.reason);
      }}
    >
      {held ? 'Resume' : 'Pause'}
    </Button>
  );
}

const COLUMNS: Column<Queue>[] = [
  {
    id: 'queue',
    header: 'Queue',
    cell: (queue) => (
      <Stack gap={0}>
        <Text>{queue.display_name}</Text>
        <Text size="xs" c="dimmed">
          {queue.name}
        </Text>
      </Stack>
    ),
  },
  {
    id: 'status',
    header: 'Status',
    cell: ({ switch: held }) =>
      held ? (
        <Stack gap={0}>
          <StatusBadge name="paused" label={held.mode === 'drain' ? 'draining' : 'paused'} />
          <Text size="xs" c="dimmed">
            {held.reason}
          </Text>
        </Stack>
      ) : (
        <StatusBadge name="active" />
      ),
  },
  {
    id: 'runs',
    header: 'Runs',
    cell: (queue) => (
      <Load limit={queue.max_runs} busy={queue.busy_runs} waiting={queue.waiting_runs} />
    ),
  },
  {
    id: 'steps',
    header: 'Steps',
    hideBelow: 'md',
    cell: (queue) => (
      <Load limit={queue.max_steps} busy={queue.busy_steps} waiting={queue.waiting_steps} />
    ),
  },
  {
    id: 'oldest',
    header: 'Oldest waiting',
    hideBelow: 'md',
    cell: (queue) => <RelativeTime at={queue.oldest_waiting_since} />,
  },
  {
    id: 'workflows',
    header: 'Workflows',
    align: 'end',
    hideBelow: 'sm',
    cell: (queue) => count(queue.workflows),
  },
];

export default function QueuesPage() {
  const mayPause = useMay('workflow:publish');
  const { data, error, refetch } = useAppQuery(
    KEY,
    async (signal) =>
      (await ask(supabase.rpc('read_queues').abortSignal(signal))) as unknown as Queue[],
    { refetchInterval: REFRESH_MS },
  );
  const control: Column<Queue> = {
    id: 'control',
    header: 'Actions',
    align: 'end',
    cell: (queue) => <Control queue={queue} />,
  };
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
      {data && data.length > 0 && (
        <DataTable
          label="Queues"
          columns={mayPause ? [...COLUMNS, control] : COLUMNS}
          rows={data}
          rowId={({ id }) => id}
          rowProps={({ name }) => ({ 'data-queue': name })}
        />
      )}
    </>
  );
}
