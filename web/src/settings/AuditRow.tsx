// One row of the audit log: each changed column with its value before and after. Of a column with an object or a list, the
// places that differ.
import { Code, Stack, Table, Text } from '@mantine/core';
import { lazy, Suspense } from 'react';
import { Modal } from '../shared/dialogs.tsx';
import { dateTime, words } from '../shared/format.ts';
import { LoadingState } from '../shared/states.tsx';
import type { Entry } from './AuditSection.tsx';
import { type Change, changesOf } from './audit-changes.ts';

const Differences = lazy(() => import('../run/data/Differences.tsx'));

function Value({ value }: { value: unknown }) {
  if (value === undefined || value === null) {
    return (
      <Text size="sm" c="dimmed">
        –
      </Text>
    );
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return (
    <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
      {text}
    </Code>
  );
}

const isTree = (value: unknown): value is object => typeof value === 'object' && value !== null;

function Values({ column, before, after }: Change) {
  if (isTree(before) && isTree(after)) {
    return (
      <Table.Td colSpan={2}>
        <Suspense fallback={<LoadingState rows={1} height={28} />}>
          <Differences label={`Changes of ${words(column)}`} before={before} after={after} />
        </Suspense>
      </Table.Td>
    );
  }
  return (
    <>
      <Table.Td>
        <Value value={before} />
      </Table.Td>
      <Table.Td>
        <Value value={after} />
      </Table.Td>
    </>
  );
}

export function AuditRow(props: { entry: Entry; who: string; onClose(): void }) {
  const { entry, who, onClose } = props;
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={`Change of ${words(entry.table_name)}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack>
        <Text size="sm">
          {who}, {dateTime(entry.created_at)}: {entry.operation} <Code>{entry.row_id}</Code>
        </Text>
        <Table layout="fixed" aria-label="Changed columns">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Column</Table.Th>
              <Table.Th>Before</Table.Th>
              <Table.Th>After</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {changesOf(entry).map((change) => (
              <Table.Tr key={change.column}>
                <Table.Th scope="row" fw={400} style={{ overflowWrap: 'anywhere' }}>
                  {words(change.column)}
                </Table.Th>
                <Values {...change} />
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Stack>
    </Modal>
  );
}
