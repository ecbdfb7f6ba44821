// The audit log: filters in the address, an endless list, the changes of a row, export.
import { Anchor, Badge, Button, Group, NativeSelect, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useAddressParam } from '../shared/address.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { words } from '../shared/format.ts';
import { ListView } from '../shared/ListView.tsx';
import { notify } from '../shared/notify.ts';
import { EmptyState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { keysetPage, useList } from '../shared/use-list.ts';
import { AuditRow } from './AuditRow.tsx';
import { AuditVerification } from './AuditVerification.tsx';
import { nameOfRow } from './audit-changes.ts';
import { AUDITED } from './audit-tables.ts';
import { Block, download, nameOf, usePeople } from './parts.tsx';

export type Entry = Row<'audit_log'>;

const VERBS: Readonly<Record<string, string>> = {
  insert: 'created',
  update: 'changed',
  delete: 'deleted',
  read: 'read',
};
/** An export stops here; a narrower time gives the rest. */
const EXPORT_LIMIT = 20_000;

interface Filters {
  actor: string | undefined;
  table: string | undefined;
  operation: string | undefined;
  object: string | undefined;
  since: string | undefined;
  until: string | undefined;
}

/** A day begins at midnight of the person, not of UTC. */
const dayOf = (date: string): string => new Date(`${date}T00:00`).toISOString();

function entries(filters: Filters, cursor: string | undefined, signal?: AbortSignal, size = 50) {
  let query = supabase.from('audit_log').select('*');
  if (filters.actor) query = query.eq('actor_id', filters.actor);
  if (filters.table) query = query.eq('table_name', filters.table);
  if (filters.operation) query = query.eq('operation', filters.operation);
  if (filters.object) query = query.eq('row_id', filters.object);
  if (filters.since) query = query.gte('created_at', dayOf(filters.since));
  if (filters.until) query = query.lt('created_at', dayOf(filters.until));
  return keysetPage<Entry>(signal ? query.abortSignal(signal) : query, cursor, {
    columns: ['created_at', 'id'],
    size,
  });
}

async function exportEntries(filters: Filters): Promise<void> {
  const lines: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await entries(filters, cursor, undefined, 500);
    for (const row of page.items) lines.push(`${JSON.stringify(row)}\n`);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined && lines.length < EXPORT_LIMIT);
  download('audit-log.jsonl', 'application/x-ndjson', lines);
  const isCut = cursor !== undefined;
  notify.info(
    isCut
      ? `The file has the newest ${lines.length} rows. Set a time to export the others.`
      : `The file has ${lines.length} rows.`,
  );
}

export default function AuditSection() {
  const people = usePeople();
  const [actor, setActor] = useAddressParam('actor');
  const [table, setTable] = useAddressParam('table');
  const [operation, setOperation] = useAddressParam('operation');
  const [object, setObject] = useAddressParam('object');
  const [since, setSince] = useAddressParam('since');
  const [until, setUntil] = useAddressParam('until');
  const [shown, setShown] = useState<Entry>();
  const filters = { actor, table, operation, object, since, until };
  const list = useList<Entry>({
    key: ['audit_log', filters],
    page: (cursor, signal) => entries(filters, cursor, signal),
  });
  const whoOf = ({ actor_id, api_key_id, actor_role }: Entry) => {
    const name = actor_id === null ? words(actor_role) : nameOf(people, actor_id);
    return api_key_id === null ? name : `${name} (API key)`;
  };
  const columns: Column<Entry>[] = [
    {
      id: 'time',
      header: 'Time',
      width: '6.5rem',
      cell: ({ created_at }) => <RelativeTime at={created_at} />,
    },
    {
      id: 'actor',
      header: 'Who',
      cell: (entry) => (
        <Text size="sm" style={{ overflowWrap: 'break-word' }}>
          {whoOf(entry)}
        </Text>
      ),
    },
    {
      id: 'operation',
      header: 'Action',
      hideBelow: 'sm',
      width: '6.5rem',
      cell: (entry) => (
        <Badge variant="default" miw="max-content">
          {VERBS[entry.operation] ?? entry.operation}
        </Badge>
      ),
    },
    {
      id: 'object',
      header: 'Object',
      cell: (entry) => (
        <>
          <Anchor component="button" type="button" size="sm" onClick={() => setShown(entry)}>
            {words(entry.table_name)}
          </Anchor>
          <Text
            size="xs"
            c="dimmed"
            className="mono"
            style={{ overflowWrap: 'anywhere' }}
            title={entry.row_id}
          >
            {nameOfRow(entry) ?? entry.row_id}
          </Text>
        </>
      ),
    },
    {
      id: 'changes',
      header: 'Changed',
      hideBelow: 'md',
      cell: ({ changed_columns }) => (
        <Text size="sm" c="dimmed">
          {changed_columns.map(words).join(', ')}
        </Text>
      ),
    },
  ];
  return (
    <>
      <AuditVerification />
      <Block
        title="Changes"
        actions={
          <Button
            variant="default"
            onClick={() => void exportEntries(filters).catch((error) => notify.error(error))}
          >
            Export
          </Button>
        }
      >
        <Group gap="sm" align="flex-end">
          <NativeSelect
            label="Who"
            size="xs"
            value={actor ?? ''}
            data={[
              { value: '', label: 'Everyone' },
              ...[...people.values()].map(({ id, email }) => ({ value: id, label: email })),
            ]}
            onChange={(event) => setActor(event.currentTarget.value || undefined)}
          />
          <NativeSelect
            label="Object"
            size="xs"
            value={table ?? ''}
            data={[
              { value: '', label: 'Everything' },
              ...AUDITED.map(({ group, tables }) => ({
                group,
                items: tables.map((value) => ({ value, label: words(value) })),
              })),
            ]}
            onChange={(event) => setTable(event.currentTarget.value || undefined)}
          />
          <NativeSelect
            label="Action"
            size="xs"
            value={operation ?? ''}
            data={[
              { value: '', label: 'Every action' },
              ...Object.entries(VERBS).map(([value, label]) => ({ value, label })),
            ]}
            onChange={(event) => setOperation(event.currentTarget.value || undefined)}
          />
          <TextInput
            label="Id or name"
            size="xs"
            value={object ?? ''}
            onChange={(event) => setObject(event.currentTarget.value.trim() || undefined)}
          />
          <TextInput
            label="From"
            size="xs"
            type="date"
            value={since ?? ''}
            onChange={(event) => setSince(event.currentTarget.value || undefined)}
          />
          <TextInput
            label="Before"
            size="xs"
            type="date"
            value={until ?? ''}
            onChange={(event) => setUntil(event.currentTarget.value || undefined)}
          />
        </Group>
        <ListView
          list={list}
          label="Audit log"
          columns={columns}
          rowId={({ id }) => id}
          rowProps={({ table_name, operation: verb }) => ({
            'data-audit': `${table_name}:${verb}`,
          })}
          empty={<EmptyState title="No change matches">Remove a filter.</EmptyState>}
        />
      </Block>
      {shown && <AuditRow entry={shown} who={whoOf(shown)} onClose={() => setShown(undefined)} />}
    </>
  );
}
