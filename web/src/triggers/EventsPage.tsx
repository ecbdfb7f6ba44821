// The event triggers of the application.
import type { Column } from '../shared/DataTable.tsx';
import { ListView } from '../shared/ListView.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { EmptyState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { keysetPage, useList } from '../shared/use-list.ts';
import { TriggerTabs } from './TriggerTabs.tsx';

type Listed = Row<'workflow_triggers'>;

const COLUMNS: Column<Listed>[] = [
  { id: 'name', header: 'Trigger', cell: ({ name }) => name },
  { id: 'event', header: 'Event', cell: ({ event_name }) => event_name ?? '–' },
  {
    id: 'fired',
    header: 'Last fired',
    cell: ({ last_fired_at }) => <RelativeTime at={last_fired_at} />,
  },
];

export default function EventsPage() {
  const list = useList<Listed>({
    key: ['triggers', 'event'],
    page: (cursor, signal) =>
      keysetPage<Listed>(
        supabase
          .from('workflow_triggers')
          .select('*')
          .eq('trigger_type', 'event')
          .abortSignal(signal),
        cursor,
        { columns: ['created_at', 'id'] },
      ),
  });
  return (
    <>
      <PageHeader title="Events" help="guides/events-and-webhooks" />
      <TriggerTabs page="/events" />
      <ListView
        list={list}
        label="Events"
        columns={COLUMNS}
        rowId={({ id }) => id}
        empty={<EmptyState title="No event triggers yet" />}
      />
    </>
  );
}
