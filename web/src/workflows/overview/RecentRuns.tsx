// The newest runs, of one workflow or of all: what ran, how it ended, when and how long. Live.
import { Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { AppLink } from '../../shared/address.tsx';
import type { Column } from '../../shared/DataTable.tsx';
import { words } from '../../shared/format.ts';
import { ListView } from '../../shared/ListView.tsx';
import { StatusBadge } from '../../shared/StatusBadge.tsx';
import { EmptyState } from '../../shared/states.tsx';
import { supabase } from '../../shared/supabase.ts';
import { Duration, RelativeTime } from '../../shared/Times.tsx';
import { rpcPage, useList } from '../../shared/use-list.ts';
import { useRunsTopic } from '../../shared/use-live.ts';

export interface ListedRun {
  id: string;
  workflow: string;
  status: string;
  trigger_type: string;
  created_at: string;
  started_at: string | null;
  duration_ms: number | null;
}

const common: Column<ListedRun>[] = [
  { id: 'status', header: 'Status', cell: ({ status }) => <StatusBadge name={status} /> },
  {
    id: 'trigger',
    header: 'Started by',
    hideBelow: 'sm',
    cell: ({ trigger_type }) => words(trigger_type),
  },
  {
    id: 'created',
    header: 'Created',
    cell: ({ created_at }) => <RelativeTime at={created_at} />,
  },
  {
    id: 'duration',
    header: 'Duration',
    align: 'end',
    hideBelow: 'sm',
    cell: ({ status, duration_ms, started_at }) => (
      <Duration ms={duration_ms} since={status === 'running' ? started_at : null} />
    ),
  },
];

const BY_ID: Column<ListedRun>[] = [
  {
    id: 'run',
    header: 'Run',
    cell: ({ id }) => (
      <AppLink to={`/runs/${id}`} size="sm" className="mono" aria-label={`Run ${id}`}>
        {id.slice(-12)}
      </AppLink>
    ),
  },
  ...common,
];

const BY_WORKFLOW: Column<ListedRun>[] = [
  {
    id: 'run',
    header: 'Run',
    cell: ({ id, workflow }) => (
      <>
        <AppLink to={`/runs/${id}`} size="sm">
          {workflow}
        </AppLink>
        <Text size="xs" c="dimmed" className="mono">
          {id.slice(-12)}
        </Text>
      </>
    ),
  },
  ...common,
];

interface Props {
  /** Without it the runs of all workflows. */
  kebabName?: string;
  status?: string[];
  size?: number;
  empty?: ReactNode;
  label?: string;
}

export function RecentRuns({ kebabName, status, size = 8, empty, label = 'Recent runs' }: Props) {
  const filter = {
    ...(kebabName === undefined ? {} : { workflow: kebabName }),
    ...(status === undefined ? {} : { status }),
  };
  const list = useList<ListedRun>({
    key: ['runs', 'recent', filter, size],
    live: useRunsTopic(),
    page: async (_cursor, signal) => {
      const { items } = await rpcPage<ListedRun>(
        supabase.rpc('search_runs', { filter, page_size: size }).abortSignal(signal),
      );
      return { items, next: null };
    },
  });
  return (
    <ListView
      list={list}
      label={label}
      columns={kebabName === undefined ? BY_WORKFLOW : BY_ID}
      rowId={({ id }) => id}
      rowProps={({ id }) => ({ 'data-run': id })}
      empty={empty ?? <EmptyState title="No runs yet">Start it to see how it runs.</EmptyState>}
    />
  );
}
