// The numbers of the charts as a table, for people who do not see the charts. It is closed at first.
import { Button, Collapse, Stack } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { type Column, DataTable } from '../shared/DataTable.tsx';
import { count, dateTime, duration } from '../shared/format.ts';
import { type Point, pointLabel } from './statistics.ts';

const columnsOf = (step: number): Column<Point>[] => [
  {
    id: 'at',
    header: 'From',
    cell: ({ at }) => <time title={dateTime(at)}>{pointLabel(at, step)}</time>,
  },
  { id: 'completed', header: 'Completed', align: 'end', cell: (point) => count(point.completed) },
  { id: 'failed', header: 'Failed', align: 'end', cell: (point) => count(point.failed) },
  {
    id: 'cancelled',
    header: 'Cancelled',
    align: 'end',
    hideBelow: 'sm',
    cell: (point) => count(point.cancelled),
  },
  {
    id: 'p50',
    header: 'p50',
    align: 'end',
    hideBelow: 'sm',
    cell: (point) => duration(point.p50_duration_ms),
  },
  {
    id: 'p95',
    header: 'p95',
    align: 'end',
    cell: (point) => duration(point.p95_duration_ms),
  },
];

export function PointsTable({ points, step }: { points: readonly Point[]; step: number }) {
  const [isOpen, { toggle }] = useDisclosure();
  return (
    <Stack gap="xs" align="stretch">
      <Button
        size="compact-sm"
        variant="subtle"
        aria-expanded={isOpen}
        onClick={toggle}
        style={{ alignSelf: 'flex-start' }}
      >
        {isOpen ? 'Hide the table' : 'Show as a table'}
      </Button>
      <Collapse expanded={isOpen}>
        {isOpen && (
          <DataTable
            label="Runs over time"
            columns={columnsOf(step)}
            rows={points}
            rowId={({ at }) => at}
          />
        )}
      </Collapse>
    </Stack>
  );
}
