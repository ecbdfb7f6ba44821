// One row of the audit log: each changed column with its value before and after.
import { Code, Modal, Stack, Table, Text } from '@mantine/core';
import { dateTime, words } from '../shared/format.ts';
import type { Entry } from './AuditSection.tsx';
import { changesOf } from './audit-changes.ts';

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
            {changesOf(entry).map(({ column, before, after }) => (
              <Table.Tr key={column}>
                <Table.Th scope="row" fw={400} style={{ overflowWrap: 'anywhere' }}>
                  {words(column)}
                </Table.Th>
                <Table.Td>
                  <Value value={before} />
                </Table.Td>
                <Table.Td>
                  <Value value={after} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Stack>
    </Modal>
  );
}
