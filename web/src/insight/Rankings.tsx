// The slowest workflows or steps and those that fail most, from the same statistics.
import { Stack, Text, Title } from '@mantine/core';
import { AppLink } from '../shared/address.tsx';
import { type Column, DataTable } from '../shared/DataTable.tsx';
import { count, duration } from '../shared/format.ts';
import type { Item } from './statistics.ts';

const SHOWN = 5;

interface Props {
  noun: 'workflows' | 'steps';
  items: readonly Item[];
  /** Names of workflows by id. */
  names: ReadonlyMap<string, string>;
}

export function Rankings({ noun, items, names }: Props) {
  const columns: Column<Item>[] = [
    {
      id: 'name',
      header: 'Name',
      cell: ({ workflow_id = '', step_id }) => (
        <Stack gap={0}>
          <AppLink to={`/workflows/${workflow_id}`}>{names.get(workflow_id) ?? 'Workflow'}</AppLink>
          {step_id && <Text size="xs">{step_id}</Text>}
        </Stack>
      ),
    },
    {
      id: 'total',
      header: 'Ended',
      align: 'end',
      hideBelow: 'sm',
      cell: ({ total }) => count(total),
    },
    { id: 'failed', header: 'Failed', align: 'end', cell: ({ failed }) => count(failed) },
    {
      id: 'p95',
      header: 'p95',
      align: 'end',
      cell: ({ p95_duration_ms }) => duration(p95_duration_ms),
    },
  ];
  const top = (rank: (item: Item) => number) =>
    items
      .filter((item) => rank(item) > 0)
      .sort((a, b) => rank(b) - rank(a))
      .slice(0, SHOWN);
  const tables = [
    { title: `Slowest ${noun}`, rows: top((item) => item.p95_duration_ms ?? 0) },
    { title: `Most failing ${noun}`, rows: top((item) => item.failed) },
  ];
  return tables
    .filter(({ rows }) => rows.length > 0)
    .map(({ title, rows }) => (
      <Stack key={title} gap="xs">
        <Title order={2} size="h5">
          {title}
        </Title>
        <DataTable
          label={title}
          columns={columns}
          rows={rows}
          rowId={({ workflow_id, step_id }) => `${workflow_id}/${step_id ?? ''}`}
        />
      </Stack>
    ));
}
