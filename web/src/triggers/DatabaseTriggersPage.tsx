// Database triggers: which changes of tables start runs, and the changes for which no run could start. Operators create,
// pause and drop them by SQL, because mapped columns bypass the row-level security of the table.
import { Code, Stack, Text } from '@mantine/core';
import { Block, Rows } from '../settings/parts.tsx';
import { AppLink } from '../shared/address.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { JsonView } from '../shared/JsonView.tsx';
import { ListView } from '../shared/ListView.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState } from '../shared/states.tsx';
import { type Json, type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { keysetPage, useList } from '../shared/use-list.ts';
import { messageOf } from './ScheduleDetails.tsx';
import { TriggerTabs } from './TriggerTabs.tsx';

/** The generated types know no nulls in the rows of a function. */
interface Listed {
  name: string;
  table_name: string | null;
  events: string[];
  update_columns: string[] | null;
  workflow: string;
  filter: Json | null;
  mapping: Json;
  is_enabled: boolean;
}

const TRIGGER_COLUMNS: Column<Listed>[] = [
  {
    id: 'name',
    header: 'Trigger',
    cell: ({ name, table_name, events, update_columns }) => (
      <>
        {name}
        <Text size="xs" c="dimmed">
          {events.join(', ')}
          {update_columns && ` of ${update_columns.join(', ')}`} on{' '}
          {table_name ?? 'a table that was dropped'}
        </Text>
      </>
    ),
  },
  {
    id: 'workflow',
    header: 'Starts',
    cell: ({ workflow }) => <AppLink to={`/workflows/${workflow}`}>{workflow}</AppLink>,
  },
  {
    id: 'state',
    header: 'State',
    hideBelow: 'sm',
    cell: ({ is_enabled }) => <StatusBadge name={is_enabled ? 'active' : 'paused'} />,
  },
  {
    id: 'rules',
    header: 'Filter and input',
    hideBelow: 'md',
    cell: ({ name, filter, mapping }) => (
      <JsonView value={{ filter, input: mapping }} label={`Rules of ${name}`} depth={0} />
    ),
  },
];

type Refused = Row<'refused_starts'>;

const REFUSED_COLUMNS: Column<Refused>[] = [
  {
    id: 'trigger',
    header: 'Trigger',
    cell: ({ database_trigger, event, changes }) => (
      <>
        {database_trigger}
        <Text size="xs" c="dimmed">
          {event}, {changes === 1 ? '1 row' : `${changes} rows`}
        </Text>
      </>
    ),
  },
  { id: 'reason', header: 'Reason', cell: ({ error }) => messageOf(error) },
  {
    id: 'input',
    header: 'Input',
    hideBelow: 'md',
    cell: ({ input }) =>
      input === null ? '–' : <JsonView value={input} label="Refused input" depth={0} />,
  },
  {
    id: 'at',
    header: 'Time',
    hideBelow: 'sm',
    cell: ({ created_at }) => <RelativeTime at={created_at} />,
  },
];

export default function DatabaseTriggersPage() {
  const triggers = useAppQuery(
    ['database-triggers'],
    async (signal) =>
      (await ask(supabase.rpc('list_database_triggers').abortSignal(signal))) as Listed[],
  );
  const refused = useList<Refused>({
    key: ['refused_starts'],
    page: (cursor, signal) =>
      keysetPage<Refused>(supabase.from('refused_starts').select('*').abortSignal(signal), cursor, {
        columns: ['created_at', 'id'],
      }),
  });
  return (
    <>
      <PageHeader title="Database triggers" help="guides/database-triggers">
        Changes of your tables that start runs.
      </PageHeader>
      <TriggerTabs page="/database-triggers" />
      <Stack gap="xl">
        <Block
          title="Triggers"
          text={
            <>
              An operator creates them in SQL with <Code>stepbase.create_database_trigger</Code> and
              removes them with <Code>stepbase.drop_database_trigger</Code>.
            </>
          }
        >
          <Rows
            query={triggers}
            label="Database triggers"
            columns={TRIGGER_COLUMNS}
            rowId={({ name }) => name}
            empty={<EmptyState title="No database triggers yet" />}
          />
        </Block>
        <Block title="Refused starts" text="The change was made, but no run started.">
          <ListView
            list={refused}
            label="Refused starts"
            columns={REFUSED_COLUMNS}
            rowId={({ id }) => id}
            empty={<EmptyState title="No start was refused" />}
          />
        </Block>
      </Stack>
    </>
  );
}
