// The task queues of the application: their limits, what is busy and what waits. A queue can be paused and resumed. Below
// them, the work queues.
import { Anchor, Box, Button, Progress, Stack, Text } from '@mantine/core';
import { AppLink, useAddressParam } from '../shared/address.tsx';
import { IfMay, useMay } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import { type Column, DataTable } from '../shared/DataTable.tsx';
import { count } from '../shared/format.ts';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { InsightTabs } from './InsightTabs.tsx';
import { WaitingRuns } from './WaitingRuns.tsx';
import { WorkQueues } from './WorkQueues.tsx';

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
function Load({ name, limit, busy }: { name: string; limit: number | null; busy: number | null }) {
  if (limit === null) {
    return (
      <Text size="sm" c="dimmed">
        No limit
      </Text>
    );
  }
  const used = busy ?? 0;
  const isFull = used >= limit;
  return (
    <Box miw={104}>
      <Text size="sm">
        {count(used)} of {count(limit)} busy
      </Text>
      <Progress
        value={limit === 0 ? 100 : Math.min(100, (100 * used) / limit)}
        size={5}
        color={isFull ? 'var(--sb-waiting)' : 'var(--sb-running)'}
        aria-label={`${name}: part of the slots that are busy`}
      />
    </Box>
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
        <Text size="sm" fw={600}>
          {queue.display_name}
        </Text>
        <Text size="xs" c="dimmed">
          {queue.display_name === queue.name ? '' : `${queue.name}, `}
          {count(queue.workflows)} {queue.workflows === 1 ? 'workflow' : 'workflows'}
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
          <Text size="xs" c="dimmed" lineClamp={2}>
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
    hideBelow: 'sm',
    cell: (queue) => (
      <Load name={`Runs of ${queue.name}`} limit={queue.max_runs} busy={queue.busy_runs} />
    ),
  },
  {
    id: 'steps',
    header: 'Steps',
    hideBelow: 'md',
    cell: (queue) => (
      <Stack gap={2}>
        <Load name={`Steps of ${queue.name}`} limit={queue.max_steps} busy={queue.busy_steps} />
        {(queue.waiting_steps ?? 0) > 0 && (
          <Text size="xs" c="dimmed">
            {count(queue.waiting_steps ?? 0)} waiting
          </Text>
        )}
      </Stack>
    ),
  },
];

export default function QueuesPage() {
  const mayPause = useMay('workflow:publish');
  const mayReadRuns = useMay('run:read');
  const mayChange = useMay('queue:write');
  const [open, setOpen] = useAddressParam('queue');
  const { data, error, refetch } = useAppQuery(
    KEY,
    async (signal) => {
      const queues = await ask(supabase.rpc('read_queues').abortSignal(signal));
      // A queue that was created with a name only.
      return (queues as unknown as Queue[]).map((queue) => ({
        ...queue,
        display_name: queue.display_name || queue.name,
      }));
    },
    { refetchInterval: REFRESH_MS },
  );
  const waiting: Column<Queue> = {
    id: 'waiting',
    header: 'Waiting runs',
    align: 'end',
    cell: (queue) => {
      const runs = queue.waiting_runs ?? 0;
      if (runs === 0) return count(0);
      return (
        <Stack gap={0} align="flex-end">
          {mayReadRuns ? (
            <Anchor
              component="button"
              type="button"
              size="sm"
              fw={600}
              aria-label={`Show ${count(runs)} runs that wait for ${queue.display_name}`}
              onClick={() => setOpen(queue.name)}
            >
              {count(runs)}
            </Anchor>
          ) : (
            <Text size="sm">{count(runs)}</Text>
          )}
          <Text size="xs" c="dimmed">
            since <RelativeTime at={queue.oldest_waiting_since} />
          </Text>
        </Stack>
      );
    },
  };
  const control: Column<Queue> = {
    id: 'control',
    header: 'Actions',
    align: 'end',
    cell: (queue) => <Control queue={queue} />,
  };
  const opened = data?.find(({ name }) => name === open);
  return (
    <>
      <PageHeader title="Queues" help="guides/concurrency-limits" />
      <InsightTabs page="/insight/queues" />
      <Text size="sm" c="dimmed" mb="sm">
        A limit lets this many runs or steps of the workflows of a queue be open at once.{' '}
        {mayChange && <AppLink to="/settings/queues">Change the limits</AppLink>}
      </Text>
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <LoadingState rows={3} />}
      {data?.length === 0 && <EmptyState title="No queues" />}
      {data && data.length > 0 && (
        <DataTable
          label="Queues"
          columns={[...COLUMNS, waiting, ...(mayPause ? [control] : [])]}
          rows={data}
          rowId={({ id }) => id}
          rowProps={({ name }) => ({ 'data-queue': name })}
        />
      )}
      {opened && <WaitingRuns queue={opened} onClose={() => setOpen(undefined)} />}
      <IfMay permission="queue:read">
        <Box mt="xl">
          <WorkQueues />
        </Box>
      </IfMay>
    </>
  );
}
