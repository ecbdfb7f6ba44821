// The first page of an application: its last runs.
import { AppLink } from '../shared/address.tsx';
import { useApp } from '../shared/app.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { ListView } from '../shared/ListView.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { rpcPage, useList } from '../shared/use-list.ts';
import { useRunsTopic } from '../shared/use-live.ts';

interface ListedRun {
  id: string;
  workflow: string;
  status: string;
  created_at: string;
}

const COLUMNS: Column<ListedRun>[] = [
  {
    id: 'workflow',
    header: 'Workflow',
    cell: ({ id, workflow }) => <AppLink to={`/runs/${id}`}>{workflow}</AppLink>,
  },
  { id: 'status', header: 'Status', cell: ({ status }) => <StatusBadge name={status} /> },
  {
    id: 'created',
    header: 'Created',
    cell: ({ created_at }) => <RelativeTime at={created_at} />,
  },
];

export default function HomePage() {
  const { name, organization } = useApp();
  const list = useList<ListedRun>({
    key: ['runs', 'newest'],
    live: useRunsTopic(),
    page: async (_cursor, signal) => {
      const { items } = await rpcPage<ListedRun>(
        supabase.rpc('search_runs', { page_size: 10 }).abortSignal(signal),
      );
      return { items, next: null };
    },
  });
  return (
    <>
      <PageHeader title={name} help="quickstart">
        {organization}
      </PageHeader>
      <ListView
        list={list}
        label="Newest runs"
        columns={COLUMNS}
        rowId={({ id }) => id}
        rowProps={({ id }) => ({ 'data-run': id })}
        empty={<EmptyState title="No runs yet" />}
      />
    </>
  );
}
