// The columns of the inbox: what is asked, of which workflow, for whom, since when and until when.
import { Group, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconForms, IconThumbUp } from '@tabler/icons-react';
import { AppLink } from '../shared/address.tsx';
import { useApp } from '../shared/app.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { words } from '../shared/format.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { RelativeTime, useNow } from '../shared/Times.tsx';
import type { Filter, Listed } from './filters.ts';
import { assigneeOf, nameOf, type Person, taskOf } from './task.ts';
import { usePeople } from './use-people.ts';

function Title({ row }: { row: Listed }) {
  const { title, isApproval } = taskOf(row);
  const Icon = isApproval ? IconThumbUp : IconForms;
  return (
    <Group gap="sm" wrap="nowrap" align="flex-start">
      <Icon size={18} aria-hidden="true" style={{ flex: 'none', marginTop: 3 }} />
      <Stack gap={0} miw={0}>
        <AppLink to={`/tasks/${row.id}`} fw={500} style={{ overflowWrap: 'anywhere' }}>
          {title}
        </AppLink>
        <Text size="sm" c="dimmed" lineClamp={1}>
          {row.run?.workflow?.name ?? words(row.step_type)}
        </Text>
      </Stack>
    </Group>
  );
}

/** The deadline; in red with a mark once it has passed, or when the task was escalated. */
export function Deadline({ row }: { row: Pick<Listed, 'deadline_at' | 'escalated_at'> }) {
  const now = useNow();
  const isLate = row.deadline_at !== null && new Date(row.deadline_at).getTime() < now;
  if (!isLate && row.escalated_at === null) return <RelativeTime at={row.deadline_at} />;
  return (
    <Group gap={4} wrap="nowrap" c="var(--sb-danger)">
      <IconAlertTriangle size={16} aria-hidden="true" style={{ flex: 'none' }} />
      <span>
        {row.escalated_at === null ? 'Overdue ' : 'Escalated '}
        <RelativeTime at={row.deadline_at ?? row.escalated_at} />
      </span>
    </Group>
  );
}

function Owner({ row, people }: { row: Listed; people: ReadonlyMap<string, Person> }) {
  const { userId } = useApp();
  if (row.claimed_by === userId) return <>Claimed by you</>;
  if (row.claimed_by !== null) return <>Claimed by {nameOf(people.get(row.claimed_by))}</>;
  if (row.assigned_to === userId) return <>You</>;
  return <>{assigneeOf(row, people)}</>;
}

export function useTaskColumns(filter: Filter): Column<Listed>[] {
  const people = usePeople();
  const title: Column<Listed> = {
    id: 'title',
    header: 'Task',
    cell: (row) => <Title row={row} />,
  };
  if (filter === 'done') {
    return [
      title,
      {
        id: 'result',
        header: 'Result',
        cell: ({ status, handle }) => (
          <StatusBadge name={status} {...(handle ? { label: words(handle) } : {})} />
        ),
      },
      {
        id: 'completed',
        header: 'Answered',
        align: 'end',
        cell: ({ completed_at }) => <RelativeTime at={completed_at} />,
      },
    ];
  }
  return [
    title,
    {
      id: 'owner',
      header: 'For',
      hideBelow: 'sm',
      cell: (row) => <Owner row={row} people={people} />,
    },
    {
      id: 'created',
      header: 'Waits since',
      hideBelow: 'md',
      align: 'end',
      cell: ({ created_at }) => <RelativeTime at={created_at} />,
    },
    { id: 'deadline', header: 'Deadline', align: 'end', cell: (row) => <Deadline row={row} /> },
  ];
}
