// The prices of models that the operator stored for the installation.
import { Stack, Text } from '@mantine/core';
import { type Column, DataTable } from '../shared/DataTable.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { Section } from '../workflows/overview/Section.tsx';
import { dollars } from './usage.ts';

type Price = Row<'model_prices'>;

const MOST = 200;
const price = (value: number | null) => (value === null ? '–' : dollars(value));

const COLUMNS: Column<Price>[] = [
  {
    id: 'model',
    header: 'Model',
    cell: ({ model, provider }) => (
      <Stack gap={0}>
        <Text size="sm">{model}</Text>
        <Text size="xs" c="dimmed">
          {provider}
        </Text>
      </Stack>
    ),
  },
  { id: 'input', header: 'Input', align: 'end', cell: ({ input }) => price(input) },
  { id: 'output', header: 'Output', align: 'end', cell: ({ output }) => price(output) },
  {
    id: 'cached',
    header: 'Cached input',
    align: 'end',
    hideBelow: 'sm',
    cell: ({ cached_input }) => price(cached_input),
  },
  {
    id: 'from',
    header: 'Valid from',
    hideBelow: 'md',
    cell: ({ valid_from }) => <RelativeTime at={valid_from} />,
  },
];

export function Prices() {
  const { data, error, refetch } = useAppQuery(['model-prices'], (signal) =>
    ask(
      supabase
        .from('model_prices')
        .select('*')
        .order('model')
        .order('valid_from', { ascending: false })
        .limit(MOST)
        .abortSignal(signal),
    ),
  );
  return (
    <Section title="Prices">
      <Text size="sm" c="dimmed" mb="sm">
        US dollars for a million tokens.
      </Text>
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <LoadingState rows={3} />}
      {data?.length === 0 && (
        <EmptyState title="No prices of models">
          The operator of the installation adds the prices. A step can also name its own.
        </EmptyState>
      )}
      {data && data.length > 0 && (
        <DataTable
          label="Prices"
          columns={COLUMNS}
          rows={data}
          rowId={(row) => `${row.provider}/${row.model}/${row.valid_from}`}
        />
      )}
      {data?.length === MOST && (
        <Text size="sm" c="dimmed" mt="sm">
          The first {MOST} prices are shown.
        </Text>
      )}
    </Section>
  );
}
