// The columns of the list of runs. A row tells its run apart from others of the workflow: input in words, id, key, and
// who or what started it.
import { Group, Progress, Stack, Text } from '@mantine/core';
import { AppLink } from '../shared/address.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { words } from '../shared/format.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { Duration, RelativeTime } from '../shared/Times.tsx';
import { inputInWords } from './filter.ts';
import classes from './runs.module.css';
import type { ListedRun } from './use-runs.ts';

const WAITS: Readonly<Record<string, string>> = {
  start_at: 'starts later',
  debounce: 'waits for quiet',
  batch: 'collects a batch',
  throttle: 'waits for its turn',
};

function Run({ run }: { run: ListedRun }) {
  const input = inputInWords(run.input_preview);
  return (
    <Stack gap={1} className={classes.run}>
      <Group gap={6} wrap="nowrap">
        <AppLink to={`/runs/${run.id}`} truncate="end">
          {run.workflow}
        </AppLink>
        <Text span size="xs" c="dimmed">
          v{run.version}
        </Text>
        {run.tags?.slice(0, 2).map((tag) => (
          <span key={tag} className={classes.tag}>
            {tag}
          </span>
        ))}
      </Group>
      <Text size="xs" c="dimmed" truncate="end" title={input}>
        {input || 'no input'}
      </Text>
    </Stack>
  );
}

export const COLUMNS: Column<ListedRun>[] = [
  { id: 'run', header: 'Run', cell: (run) => <Run run={run} /> },
  {
    id: 'status',
    header: 'Status',
    width: 'min(150px, 32vw)',
    cell: ({ status, error, held_by, created_at }) => (
      <Stack gap={1}>
        <StatusBadge name={status} />
        {((error?.code && error.code !== status) || (held_by && status === 'pending')) && (
          <Text size="xs" c="dimmed" className={classes.code} title={error?.message ?? ''}>
            {error?.code ?? WAITS[held_by ?? ''] ?? 'waits for its turn'}
          </Text>
        )}
        {/* A phone has no place for the column of times. */}
        <Text size="xs" c="dimmed" hiddenFrom="sm">
          <RelativeTime at={created_at} />
        </Text>
      </Stack>
    ),
  },
  {
    id: 'id',
    header: 'Id and key',
    hideBelow: 'lg',
    width: 190,
    cell: ({ id, idempotency_key }) => (
      <Stack gap={1}>
        <Text size="xs" className="mono" title={id} style={{ whiteSpace: 'nowrap' }}>
          …{id.slice(-12)}
        </Text>
        {idempotency_key && (
          <Text size="xs" c="dimmed" className={classes.code} title={idempotency_key}>
            {idempotency_key}
          </Text>
        )}
      </Stack>
    ),
  },
  {
    id: 'by',
    header: 'Started by',
    hideBelow: 'md',
    width: 150,
    cell: ({ trigger_type, created_by_name }) => (
      <Stack gap={1}>
        <Text size="sm" className={classes.code}>
          {created_by_name ?? words(trigger_type)}
        </Text>
        {created_by_name && (
          <Text size="xs" c="dimmed">
            {words(trigger_type)}
          </Text>
        )}
      </Stack>
    ),
  },
  {
    id: 'steps',
    header: 'Steps',
    hideBelow: 'lg',
    width: 130,
    cell: ({ steps_completed, steps_total }) => (
      <Group gap="xs" wrap="nowrap">
        <Progress
          value={(100 * steps_completed) / Math.max(steps_total, 1)}
          w={56}
          size="sm"
          aria-label="Steps resolved"
        />
        <Text size="xs" c="dimmed">
          {steps_completed}/{steps_total}
        </Text>
      </Group>
    ),
  },
  {
    id: 'created',
    header: 'Created',
    hideBelow: 'sm',
    width: 120,
    cell: ({ created_at }) => (
      <span className={classes.code}>
        <RelativeTime at={created_at} />
      </span>
    ),
  },
  {
    id: 'duration',
    header: 'Duration',
    align: 'end',
    hideBelow: 'sm',
    width: 110,
    cell: ({ duration_ms, started_at, completed_at }) => (
      <Duration ms={duration_ms} since={completed_at === null ? started_at : null} />
    ),
  },
];
