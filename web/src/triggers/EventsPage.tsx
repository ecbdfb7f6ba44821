// Events: the triggers that start workflows at an event, and the events of the last day with what they started.
import { Button, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { Block, RowMenu } from '../settings/parts.tsx';
import { AppLink } from '../shared/address.tsx';
import { IfMay, useMay } from '../shared/app.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { ListView } from '../shared/ListView.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { keysetPage, useList } from '../shared/use-list.ts';
import { EmitEvent } from './EmitEvent.tsx';
import { EmittedEvents } from './EmittedEvents.tsx';
import { EventTriggerForm } from './EventTriggerForm.tsx';
import { messageOf } from './ScheduleDetails.tsx';
import { TriggerTabs } from './TriggerTabs.tsx';
import { statusOf, useTriggerActions } from './use-trigger-actions.ts';
import { useWorkflows } from './use-workflows.ts';

type Listed = Row<'workflow_triggers'>;

function Triggers() {
  const mayWrite = useMay('schedule:write');
  const { byId } = useWorkflows();
  const { toggle, remove } = useTriggerActions('trigger');
  const [edited, setEdited] = useState<Listed>();
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
  const columns: Column<Listed>[] = [
    {
      id: 'event',
      header: 'Event',
      cell: ({ event_name, source_workflow_id, name }) => (
        <>
          {event_name}
          <Text size="xs" c="dimmed">
            {[name, source_workflow_id && `of ${byId.get(source_workflow_id)?.name ?? '…'}`]
              .filter(Boolean)
              .join(', ')}
          </Text>
        </>
      ),
    },
    {
      id: 'workflow',
      header: 'Starts',
      cell: ({ workflow_id }) => {
        const workflow = byId.get(workflow_id);
        if (!workflow) return '–';
        return <AppLink to={`/workflows/${workflow.kebab_name}`}>{workflow.name}</AppLink>;
      },
    },
    {
      id: 'state',
      header: 'State',
      hideBelow: 'sm',
      cell: (each) => (
        <>
          <StatusBadge name={statusOf(each)} />
          {each.last_error && (
            <Text size="xs" c="dimmed">
              {messageOf(each.last_error)}
            </Text>
          )}
        </>
      ),
    },
    {
      id: 'fired',
      header: 'Last start',
      hideBelow: 'md',
      cell: ({ last_fired_at }) => <RelativeTime at={last_fired_at} />,
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'end',
      cell: (each) => (
        <RowMenu
          name={each.name || each.event_name || each.id}
          actions={[
            {
              label: each.is_enabled ? 'Pause' : 'Resume',
              isOffered: mayWrite,
              run: () => toggle(each),
            },
            { label: 'Change', isOffered: mayWrite, run: () => setEdited(each) },
            {
              label: 'Delete',
              isDangerous: true,
              isOffered: mayWrite,
              run: () => remove(each),
            },
          ]}
        />
      ),
    },
  ];
  return (
    <>
      <ListView
        list={list}
        label="Event triggers"
        columns={columns}
        rowId={({ id }) => id}
        empty={
          <EmptyState title="No event triggers yet">
            A trigger starts a workflow each time its event is emitted.
          </EmptyState>
        }
      />
      {edited && <EventTriggerForm trigger={edited} onClose={() => setEdited(undefined)} />}
    </>
  );
}

export default function EventsPage() {
  const mayReadRuns = useMay('run:read');
  const [opened, setOpened] = useState<'emit' | 'create'>();
  const close = () => setOpened(undefined);
  return (
    <>
      <PageHeader
        title="Events"
        help="guides/events-and-webhooks"
        actions={
          <>
            <IfMay permission="run:execute">
              <Button variant="default" onClick={() => setOpened('emit')}>
                Emit an event
              </Button>
            </IfMay>
            <IfMay permission="schedule:write">
              <Button onClick={() => setOpened('create')}>New event trigger</Button>
            </IfMay>
          </>
        }
      >
        What happens in your application, and what it starts.
      </PageHeader>
      <TriggerTabs page="/events" />
      <Stack gap="xl">
        <Block title="Triggers">
          <Triggers />
        </Block>
        {mayReadRuns && (
          <Block title="Emitted events" text="The events of the last day, newest first.">
            <EmittedEvents />
          </Block>
        )}
      </Stack>
      {opened === 'emit' && <EmitEvent onClose={close} />}
      {opened === 'create' && <EventTriggerForm onClose={close} />}
    </>
  );
}
