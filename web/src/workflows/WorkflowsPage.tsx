// The workflows of the application.
import { Text } from '@mantine/core';
import { AppLink } from '../shared/address.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { ListView } from '../shared/ListView.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState } from '../shared/states.tsx';
import { supabase, type Workflow } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { keysetPage, useList } from '../shared/use-list.ts';

type Listed = Pick<
  Workflow,
  'id' | 'kebab_name' | 'name' | 'description' | 'status' | 'updated_at'
>;

const COLUMNS: Column<Listed>[] = [
  {
    id: 'name',
    header: 'Workflow',
    cell: ({ kebab_name, name }) => (
      <>
        <AppLink to={`/workflows/${kebab_name}`}>{name}</AppLink>
        <Text size="xs" c="dimmed" className="mono">
          {kebab_name}
        </Text>
      </>
    ),
  },
  {
    id: 'description',
    header: 'Description',
    hideBelow: 'md',
    cell: ({ description }) => description,
  },
  { id: 'status', header: 'Status', cell: ({ status }) => <StatusBadge name={status} /> },
  {
    id: 'updated',
    header: 'Changed',
    hideBelow: 'sm',
    cell: ({ updated_at }) => <RelativeTime at={updated_at} />,
  },
];

export default function WorkflowsPage() {
  const list = useList<Listed>({
    key: ['workflows', 'list'],
    page: (cursor, signal) =>
      keysetPage<Listed>(
        supabase
          .from('workflows')
          .select('id,kebab_name,name,description,status,updated_at')
          .is('deleted_at', null)
          .abortSignal(signal),
        cursor,
        { columns: ['kebab_name'], ascending: true },
      ),
  });
  return (
    <>
      <PageHeader title="Workflows" help="guides/write-a-workflow" />
      <ListView
        list={list}
        label="Workflows"
        columns={COLUMNS}
        rowId={({ id }) => id}
        empty={<EmptyState title="No workflows yet">Save a workflow to see it here.</EmptyState>}
      />
    </>
  );
}
