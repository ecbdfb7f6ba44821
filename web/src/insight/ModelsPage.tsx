// What model calls cost in a month: in total and against the budget, by day, model and workflow; and the prices.
import { Box, NativeSelect, Paper, Progress, Stack, Text, Title } from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import { AppLink, useAddressParam } from '../shared/address.tsx';
import { useMay } from '../shared/app.tsx';
import { count } from '../shared/format.ts';
import { PageHeader } from '../shared/PageHeader.tsx';
import { useAppQuery } from '../shared/query.ts';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { Fact, Facts } from '../workflows/overview/Facts.tsx';
import { InsightTabs } from './InsightTabs.tsx';
import { Prices } from './Prices.tsx';
import { DaysTable, UsageTables } from './UsageTables.tsx';
import { daysOf, dollars, monthsBefore, readUsage, type Usage } from './usage.ts';

const CostChart = lazy(() => import('./CostChart.tsx'));
const CHART_HEIGHT = 200;

function Budget({ label, usage }: { label: string; usage: Usage }) {
  const { cost, max_cost: limit } = usage;
  return (
    <Fact
      label={label}
      isBad={limit !== null && cost >= limit}
      value={
        <>
          {dollars(cost)}
          <Text size="xs" c="dimmed" fw={400}>
            {limit === null ? 'no budget' : `of ${dollars(limit)}`}
          </Text>
          {limit !== null && limit > 0 && (
            <Progress
              size={5}
              w={120}
              value={Math.min(100, (100 * cost) / limit)}
              color={cost >= limit ? 'var(--sb-danger)' : 'var(--sb-running)'}
              aria-label={`${label}: part of the budget`}
            />
          )}
        </>
      }
    />
  );
}

function Days({ usage }: { usage: Usage }) {
  const [now] = useState(() => Date.now());
  const days = daysOf(usage, now);
  return (
    <Paper bg="var(--sb-surface)" withBorder p="md" radius="md">
      <Title order={2} size="h5" mb="sm">
        Cost by day
      </Title>
      <Suspense fallback={<LoadingState rows={1} height={CHART_HEIGHT} />}>
        <CostChart days={days} />
      </Suspense>
      <Box component="details" mt="xs">
        <Text component="summary" size="sm">
          Show as a table
        </Text>
        <Box mt="xs">
          <DaysTable days={usage.days} />
        </Box>
      </Box>
    </Paper>
  );
}

export default function ModelsPage() {
  const maySet = useMay('member:manage');
  const [months] = useState(() => monthsBefore(Date.now()));
  const [chosen, setChosen] = useAddressParam('month');
  const month = months.find(({ value }) => value === chosen) ?? months[0];
  const isCurrent = month === months[0];
  const { data, error, refetch } = useAppQuery(['model-usage', month?.value], (signal) =>
    readUsage('month', month?.value, signal),
  );
  const today = useAppQuery(
    ['model-usage', 'today'],
    (signal) => readUsage('day', undefined, signal),
    { enabled: isCurrent },
  );
  const isUsed = data !== undefined && (data.calls > 0 || data.models.length > 0);
  return (
    <>
      <PageHeader title="Models" help="guides/model-budgets" />
      <InsightTabs page="/insight/models" />
      <Stack gap="lg">
        <NativeSelect
          aria-label="Month"
          w={220}
          data={months}
          value={month?.value ?? ''}
          onChange={(event) => setChosen(event.currentTarget.value)}
        />
        {error && <ErrorState error={error} retry={() => void refetch()} />}
        {!data && !error && <LoadingState rows={2} height={120} />}
        {data && (
          <Facts>
            <Budget label={month?.label ?? 'Month'} usage={data} />
            {isCurrent && today.data && <Budget label="Today" usage={today.data} />}
            <Fact label="Calls" value={count(data.calls)} />
            <Fact label="Tokens" value={count(data.tokens)} />
            {data.unpriced_calls > 0 && (
              <Fact label="Calls without a price" value={count(data.unpriced_calls)} />
            )}
          </Facts>
        )}
        {maySet && (
          <Text size="sm" c="dimmed">
            Days and months begin at midnight UTC.{' '}
            <AppLink to="/settings/models">Set the budgets</AppLink>
          </Text>
        )}
        {data && !isUsed && (
          <EmptyState title="No model was called in this month">
            Steps of the types “LLM call” and “AI agent task” call models.
          </EmptyState>
        )}
        {data && isUsed && (
          <>
            <Days usage={data} />
            <UsageTables usage={data} />
          </>
        )}
        <Prices />
      </Stack>
    </>
  );
}
