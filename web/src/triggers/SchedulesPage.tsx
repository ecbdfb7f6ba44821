// The schedules of the application.
import type { Column } from '../shared/DataTable.tsx';
import { ListView } from '../shared/ListView.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { EmptyState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { keysetPage, useList } from '../shared/use-list.ts';
import { TriggerTabs } from './TriggerTabs.tsx';

type Listed = Row<'workflow_schedules'>;

const COLUMNS: Column<Listed>[] = [
  { id: 'name', header: 'Schedule', cell: ({ name }) => name },
  { id: 'cron', header: 'Cron', cell: ({ cron_expression }) => cron_expression },
  {
    id: 'next',
    header: 'Next start',
    cell: ({ next_run_at }) => <RelativeTime at={next_run_at} />,
  },
];

export default function SchedulesPage() {
  const list = useList<Listed>({
    key: ['schedules', 'list'],
    page: (cursor, signal) =>
      keysetPage<Listed>(
        supabase.from('workflow_schedules').select('*').abortSignal(signal),
        cursor,
        { columns: ['created_at', 'id'] },
      ),
  });
  return (
    <>
      <PageHeader title="Schedules" help="guides/schedules" />
      <TriggerTabs page="/schedules" />
      <ListView
        list={list}
        label="Schedules"
        columns={COLUMNS}
        rowId={({ id }) => id}
        empty={<EmptyState title="No schedules yet" />}
      />
    </>
  );
}
