// The items of a work queue by status, the oldest first while they wait: the value, and the runs that pushed and took it.
import { SegmentedControl, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { AppLink } from '../shared/address.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { Drawer } from '../shared/dialogs.tsx';
import { JsonView } from '../shared/JsonView.tsx';
import { ListView } from '../shared/ListView.tsx';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { keysetPage, useList } from '../shared/use-list.ts';
import { useRunsTopic } from '../shared/use-live.ts';

type Item = Row<'work_queue_items'>;

const STATUSES = [
  { value: 'queued', label: 'Waiting' },
  { value: 'taken', label: 'Taken' },
  { value: 'done', label: 'Done' },
  { value: 'failed', label: 'Failed' },
];

function RunLink({ id }: { id: string | null }) {
  if (id === null) return null;
  return (
    <AppLink to={`/runs/${id}`} size="sm">
      <span className="mono">…{id.slice(-6)}</span>
    </AppLink>
  );
}

const COLUMNS: Column<Item>[] = [
  {
    id: 'item',
    header: 'Item',
    cell: ({ item, id }) => (
      <JsonView value={item} label={`Item ${id.slice(-6)}`} depth={1} maxHeight={220} />
    ),
  },
  {
    id: 'status',
    header: 'Status',
    cell: ({ status, priority, created_at }) => (
      <>
        <StatusBadge name={status} />
        <Text size="xs" c="dimmed">
          <RelativeTime at={created_at} />
          {priority !== 0 && `, priority ${priority}`}
        </Text>
      </>
    ),
  },
  {
    id: 'pushed',
    header: 'Pushed by',
    hideBelow: 'sm',
    cell: ({ pushed_by_run_id }) => <RunLink id={pushed_by_run_id} />,
  },
  {
    id: 'taken',
    header: 'Taken by',
    hideBelow: 'sm',
    cell: ({ taken_by_run_id }) => <RunLink id={taken_by_run_id} />,
  },
];

interface Props {
  queue: { id: string; queue_name: string };
  onClose(): void;
}

export function WorkQueueItems({ queue, onClose }: Props) {
  const [status, setStatus] = useState('queued');
  const list = useList<Item>({
    key: ['work-queues', queue.id, 'items', status],
    live: useRunsTopic(),
    page: (cursor, signal) =>
      keysetPage<Item>(
        supabase
          .from('work_queue_items')
          .select('*')
          .eq('work_queue_id', queue.id)
          .eq('status', status)
          .abortSignal(signal),
        cursor,
        { columns: ['created_at', 'id'], ascending: status === 'queued' },
      ),
  });
  return (
    <Drawer
      opened
      onClose={onClose}
      title={`Items of ${queue.queue_name}`}
      position="right"
      size="lg"
    >
      <Stack>
        <SegmentedControl
          aria-label="Status of the items"
          data={STATUSES}
          value={status}
          onChange={setStatus}
        />
        <ListView
          list={list}
          label="Items"
          columns={COLUMNS}
          rowId={({ id }) => id}
          rowProps={({ status: is }) => ({ 'data-item-status': is })}
          empty={<EmptyState title="No item has this status" />}
        />
      </Stack>
    </Drawer>
  );
}
