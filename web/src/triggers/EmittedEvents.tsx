// The events of the last day: what each one contained and which runs it started.
import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { AppLink } from '../shared/address.tsx';
import { JsonView } from '../shared/JsonView.tsx';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { type Json, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { rpcPage, useList } from '../shared/use-list.ts';
import { useRunsTopic } from '../shared/use-live.ts';
import { messageOf } from './ScheduleDetails.tsx';

interface Started {
  run_id: string;
  status: string;
  workflow: string;
  trigger_id: string;
}

interface Emitted {
  id: string;
  name: string;
  payload: Json;
  at: string;
  /** The run that emitted it. */
  run_id?: string;
  status: 'pending' | 'handled' | 'failed';
  error: Json | null;
  runs: Started[];
}

function EventItem({ event }: { event: Emitted }) {
  const [isOpen, setOpen] = useState(false);
  const { name, at, run_id, status, error, runs, payload } = event;
  return (
    <Stack gap={4} component="li" data-event={name}>
      <Group justify="space-between" gap="sm">
        <Group gap="sm">
          <Text fw={500}>{name}</Text>
          <StatusBadge name={status} />
          <Text size="sm" c="dimmed">
            <RelativeTime at={at} />
          </Text>
          {run_id && (
            <AppLink to={`/runs/${run_id}`} size="sm">
              Emitted by a run
            </AppLink>
          )}
        </Group>
        <Button
          size="compact-sm"
          variant="default"
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? 'Hide payload' : 'Show payload'}
        </Button>
      </Group>
      {error && <Text size="sm">{messageOf(error)}</Text>}
      {runs.length === 0 ? (
        <Text size="sm" c="dimmed">
          {status === 'pending' ? 'No worker has handled it yet.' : 'It started no run.'}
        </Text>
      ) : (
        runs.map((run) => (
          <Group key={run.run_id} gap="sm">
            <AppLink to={`/runs/${run.run_id}`} size="sm">
              {run.workflow}
            </AppLink>
            <StatusBadge name={run.status} />
          </Group>
        ))
      )}
      {isOpen && <JsonView value={payload} label={`Payload of ${name}`} maxHeight={320} />}
    </Stack>
  );
}

export function EmittedEvents() {
  const [name, setName] = useState('');
  const [wanted] = useDebouncedValue(name.trim(), 300);
  const list = useList<Emitted>({
    key: ['events', wanted],
    live: useRunsTopic(),
    page: (cursor, signal) =>
      rpcPage<Emitted>(
        supabase
          .rpc('list_events', {
            ...(wanted === '' ? {} : { name: wanted }),
            ...(cursor === undefined ? {} : { cursor }),
          })
          .abortSignal(signal),
      ),
  });
  const { rows, error, hasMore, isReadingMore } = list;
  return (
    <Stack gap="md">
      <TextInput
        label="Name of the event"
        placeholder="All events"
        maw={320}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      {error && <ErrorState error={error} retry={list.refresh} />}
      {rows === undefined && !error && <LoadingState rows={4} />}
      {rows?.length === 0 && (
        <EmptyState title="No events in the last day">
          Emit one here, from a workflow or by the API.
        </EmptyState>
      )}
      {rows && rows.length > 0 && (
        <Stack
          component="ul"
          aria-label="Emitted events"
          gap="md"
          m={0}
          p={0}
          style={{ listStyle: 'none' }}
        >
          {rows.map((event) => (
            <EventItem key={event.id} event={event} />
          ))}
        </Stack>
      )}
      {hasMore && (
        <Button variant="default" loading={isReadingMore} onClick={list.more}>
          Show older events
        </Button>
      )}
    </Stack>
  );
}
