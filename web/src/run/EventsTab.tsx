// The events of the run, the newest first, without end: filtered by type, each with its payload.
import { Anchor, Badge, MultiSelect, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { useAddressParam } from '../shared/address.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { dateTime, timeOnly, words } from '../shared/format.ts';
import { JsonView } from '../shared/JsonView.tsx';
import { ListView } from '../shared/ListView.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { EmptyState } from '../shared/states.tsx';
import { type RunEvent, supabase } from '../shared/supabase.ts';
import { keysetPage, useList } from '../shared/use-list.ts';
import { usePerson } from './people.ts';

/** The step, with the place of its item from 0, or marked as a compensation or a tool of an agent. */
export function stepOf({ step_id, item_index }: Pick<RunEvent, 'step_id' | 'item_index'>): string {
  if (!item_index) return step_id ?? '';
  if (item_index < -1) return `${step_id} (tool ${-1 - item_index})`;
  return item_index < 0 ? `${step_id} (undo)` : `${step_id}[${item_index - 1}]`;
}

interface Payload {
  started_at?: string;
  no_edge?: boolean;
  actor?: { api_key_id?: string; role?: string };
}

function Actor({ event }: { event: RunEvent }) {
  const person = usePerson(event.actor_id);
  const { actor } = event.payload as Payload;
  if (person !== undefined) return <>{person}</>;
  if (actor?.api_key_id) return <>API key</>;
  return actor?.role ? <>the secret key</> : null;
}

function PayloadCell({ event }: { event: RunEvent }) {
  const [isOpen, setOpen] = useState(false);
  const keys = Object.keys(event.payload as object);
  if (keys.length === 0) return null;
  return (
    <>
      <Anchor component="button" size="xs" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {isOpen ? 'Hide' : keys.join(', ')}
      </Anchor>
      {isOpen && <JsonView label={`Payload of event ${event.seq}`} value={event.payload} />}
    </>
  );
}

export function EventsTab({ runId, onChoose }: { runId: string; onChoose(stepId: string): void }) {
  const [types, setTypes] = useAddressParam('events');
  const chosen = types?.split(',').filter(Boolean) ?? [];
  const known = useAppQuery(
    ['run-event-types'],
    (signal) =>
      ask(
        supabase.from('run_event_types').select('name,label').order('ordinal').abortSignal(signal),
      ),
    { staleTime: Number.POSITIVE_INFINITY },
  );
  const list = useList<RunEvent>({
    key: ['run-events', runId, types ?? ''],
    live: `stepbase:run:${runId}`,
    page: (cursor, signal) => {
      const events = supabase.from('run_events').select('*').eq('run_id', runId);
      const wanted = chosen.length === 0 ? events : events.in('event_type', chosen);
      return keysetPage<RunEvent>(wanted.abortSignal(signal), cursor, {
        columns: ['seq'],
        size: 100,
      });
    },
  });
  const labels = new Map(known.data?.map(({ name, label }) => [name, label]));
  const columns: Column<RunEvent>[] = [
    {
      id: 'seq',
      header: '#',
      width: 64,
      cell: ({ seq }) => (
        <Text size="xs" c="dimmed" className="mono">
          {seq}
        </Text>
      ),
    },
    {
      id: 'event',
      header: 'Event',
      cell: (event) => {
        const { started_at, no_edge } = event.payload as Payload;
        return (
          <>
            <span title={event.event_type}>
              {labels.get(event.event_type) ?? words(event.event_type)}
            </span>
            {event.event_type === 'step.completed' && started_at && (
              <Text span size="xs" c="dimmed">
                {' '}
                (started {timeOnly(started_at)})
              </Text>
            )}
            {no_edge && (
              <Badge size="xs" variant="default" tt="none" ml={6}>
                takes no edge
              </Badge>
            )}
          </>
        );
      },
    },
    {
      id: 'step',
      header: 'Step',
      cell: (event) =>
        event.step_id && (
          <Anchor
            component="button"
            size="sm"
            className="mono"
            onClick={() => onChoose(event.step_id ?? '')}
          >
            {stepOf(event)}
          </Anchor>
        ),
    },
    { id: 'actor', header: 'By', hideBelow: 'md', cell: (event) => <Actor event={event} /> },
    {
      id: 'payload',
      header: 'Payload',
      hideBelow: 'sm',
      width: '34%',
      cell: (event) => <PayloadCell event={event} />,
    },
    {
      id: 'at',
      header: 'Time',
      align: 'end',
      width: 130,
      cell: ({ created_at }) => (
        <time style={{ whiteSpace: 'nowrap' }} dateTime={created_at} title={dateTime(created_at)}>
          {timeOnly(created_at)}
        </time>
      ),
    },
  ];
  return (
    <Stack>
      <MultiSelect
        aria-label="Types of events"
        placeholder={chosen.length === 0 ? 'All types' : ''}
        data={(known.data ?? []).map(({ name, label }) => ({ value: name, label }))}
        value={chosen}
        onChange={(values) => setTypes(values.join(',') || undefined)}
        searchable
        clearable
        maw={520}
      />
      <ListView
        list={list}
        label="Events"
        columns={columns}
        rowId={({ seq }) => String(seq)}
        rowProps={({ seq, event_type }) => ({ 'data-seq': String(seq), 'data-event': event_type })}
        rowHeight={40}
        empty={<EmptyState title="No event of these types" />}
      />
    </Stack>
  );
}
