// A table of differences of JSON values: where, before, after.
import { Badge, Table, Text } from '@mantine/core';
import classes from './data.module.css';
import type { Difference } from './differences.ts';

const COLORS = { added: 'teal', removed: 'red', changed: 'yellow', moved: 'gray' } as const;
const SHOWN = 200;
const LONGEST = 2_000;

function short(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? '');
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

interface TableProps {
  list: readonly Difference[];
  label: string;
  before: string;
  after: string;
}

export function DifferenceTable({ list, label, before, after }: TableProps) {
  return (
    <Table.ScrollContainer
      minWidth={420}
      scrollAreaProps={{ viewportProps: { tabIndex: 0, 'aria-label': label } }}
    >
      <Table fz="sm" verticalSpacing={5} layout="fixed" aria-label={label}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th w="28%">Place</Table.Th>
            <Table.Th>{before}</Table.Th>
            <Table.Th>{after}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {list.slice(0, SHOWN).map((difference) => (
            <Table.Tr
              key={`${difference.path} ${difference.kind}`}
              data-difference={difference.path}
            >
              <Table.Td className={classes.path}>
                {difference.path || 'whole value'}{' '}
                <Badge
                  size="xs"
                  variant="light"
                  color={COLORS[difference.kind]}
                  c="var(--mantine-color-text)"
                  tt="none"
                >
                  {difference.kind}
                </Badge>
              </Table.Td>
              <Table.Td>
                {'before' in difference && (
                  <pre className={classes.old}>{short(difference.before)}</pre>
                )}
              </Table.Td>
              <Table.Td>
                {'after' in difference && (
                  <pre className={classes.new}>{short(difference.after)}</pre>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {list.length > SHOWN && (
        <Text size="sm" c="dimmed">
          The first {SHOWN} of {list.length} differences are shown.
        </Text>
      )}
    </Table.ScrollContainer>
  );
}
