// What model calls used and cost in this month and this day, the budgets that apply, and the prices of models.
import { Group, Progress, Stack, Text, Title } from '@mantine/core';
import { type Column, DataTable } from '../shared/DataTable.tsx';
import { count } from '../shared/format.ts';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';

interface Usage {
  calls: number;
  tokens: number;
  cost: number;
  unpriced_calls: number;
  max_cost: number | null;
  remaining: number | null;
}

type Price = Row<'model_prices'>;

const MOST = 200;
const dollars = new Intl.NumberFormat(undefined, {
  style: 'currency',
  currency: 'USD',
  maximumFractionDigits: 4,
});

function UsageOf({ period, title }: { period: 'day' | 'month'; title: string }) {
  const { data, error, refetch } = useAppQuery(
    ['model-usage', period],
    async (signal) =>
      (await ask(
        supabase.rpc('read_ai_usage', { period }).abortSignal(signal),
      )) as unknown as Usage,
  );
  const limit = data?.max_cost ?? null;
  return (
    <Stack gap={4} miw={240} data-period={period}>
      <Title order={2} size="h5">
        {title}
      </Title>
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {!data && !error && <LoadingState rows={2} />}
      {data && (
        <>
          <Text>
            {dollars.format(data.cost)}
            {limit === null ? ', no budget' : ` of ${dollars.format(limit)}`}
          </Text>
          {limit !== null && limit > 0 && (
            <Progress
              aria-label={`Part of the budget, ${title}`}
              value={Math.min(100, (100 * data.cost) / limit)}
            />
          )}
          <Text size="sm" c="dimmed">
            {count(data.calls)} calls, {count(data.tokens)} tokens
          </Text>
          {data.unpriced_calls > 0 && (
            <Text size="sm" c="dimmed">
              {count(data.unpriced_calls)} calls have no known cost.
            </Text>
          )}
        </>
      )}
    </Stack>
  );
}

const price = (value: number | null) => (value === null ? '–' : dollars.format(value));

const COLUMNS: Column<Price>[] = [
  {
    id: 'model',
    header: 'Model',
    cell: ({ model, provider }) => (
      <Stack gap={0}>
        <Text>{model}</Text>
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

export default function ModelsPage() {
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
    <>
      <PageHeader
        title="Models"
        help="guides/model-budgets"
        back={{ to: '/insight', label: 'Insight' }}
      />
      <Group gap="xl" align="flex-start" mb="lg">
        <UsageOf period="month" title="This month" />
        <UsageOf period="day" title="Today" />
      </Group>
      <Title order={2} size="h5">
        Prices
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        US dollars for a million tokens. Days and months begin at midnight UTC.
      </Text>
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <LoadingState rows={3} />}
      {data?.length === 0 && (
        <EmptyState title="No prices of models">
          The operator of the installation adds the prices.
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
    </>
  );
}
