// How the application does in a time: runs that ended, success, durations, and the slowest and most failing parts.
import { Group, NativeSelect, Stack, Text } from '@mantine/core';
import { lazy, Suspense } from 'react';
import { AppLink, useAddressParam } from '../shared/address.tsx';
import { type Column, DataTable } from '../shared/DataTable.tsx';
import { count, dateTime, duration } from '../shared/format.ts';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { Rankings } from './Rankings.tsx';
import { type Numbers, type Point, readItems, readSeries, SPANS, sinceOf } from './statistics.ts';

const SeriesCharts = lazy(() => import('./SeriesCharts.tsx'));
const CHARTS_HEIGHT = 560;

const POINTS: Column<Point>[] = [
  { id: 'at', header: 'From', cell: ({ at }) => dateTime(at) },
  { id: 'completed', header: 'Completed', align: 'end', cell: (point) => count(point.completed) },
  { id: 'failed', header: 'Failed', align: 'end', cell: (point) => count(point.failed) },
  {
    id: 'p95',
    header: 'p95',
    align: 'end',
    hideBelow: 'sm',
    cell: (point) => duration(point.p95_duration_ms),
  },
];

function Facts({ numbers }: { numbers: Numbers }) {
  const { total, failed, success_rate, p50_duration_ms, p95_duration_ms } = numbers;
  const facts = [
    ['Runs that ended', count(total)],
    ['Success', success_rate === null ? '–' : `${(100 * success_rate).toFixed(1)} %`],
    ['Failed', count(failed)],
    ['p50', duration(p50_duration_ms)],
    ['p95', duration(p95_duration_ms)],
  ] as const;
  return (
    <Group gap="xl">
      {facts.map(([name, value]) => (
        <Stack key={name} gap={0}>
          <Text size="sm" c="dimmed">
            {name}
          </Text>
          <Text size="xl" fw={600}>
            {value}
          </Text>
        </Stack>
      ))}
    </Group>
  );
}

export default function InsightPage() {
  const [chosen = '24h', setChosen] = useAddressParam('since');
  const span = SPANS.find(({ value }) => value === chosen) ?? SPANS[1];
  const { data, error, refetch } = useAppQuery(['statistics', span.value], async (signal) => {
    const since = sinceOf(span, Date.now());
    const [[all], workflows, steps, points] = await Promise.all([
      readItems('application', since, signal),
      readItems('workflow', since, signal),
      readItems('step', since, signal),
      readSeries(span, since, signal),
    ]);
    return { all, workflows, steps, points };
  });
  const { data: names = [] } = useAppQuery(['workflows', 'names'], (signal) =>
    ask(supabase.from('workflows').select('id, name').limit(1_000).abortSignal(signal)),
  );
  const nameOf = new Map(names.map(({ id, name }) => [id, name]));
  return (
    <>
      <PageHeader title="Insight" help="guides/statistics" />
      <Group mb="md">
        <AppLink to="/insight/failures">Failures</AppLink>
        <AppLink to="/insight/queues">Queues</AppLink>
        <AppLink to="/insight/workers">Workers</AppLink>
        <AppLink to="/insight/models">Models</AppLink>
        <NativeSelect
          ml="auto"
          aria-label="Time"
          data={SPANS.map(({ value, label }) => ({ value, label }))}
          value={span.value}
          onChange={(event) => setChosen(event.currentTarget.value)}
        />
      </Group>
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <LoadingState rows={3} />}
      {data && !data.all && (
        <EmptyState title="No run ended in this time">
          The numbers are current to the minute.
        </EmptyState>
      )}
      {data?.all && (
        <Stack gap="lg">
          <Facts numbers={data.all} />
          <Suspense fallback={<LoadingState rows={1} height={CHARTS_HEIGHT} />}>
            <SeriesCharts points={data.points} label={dateTime} />
          </Suspense>
          <details>
            <summary>Show the numbers of the charts</summary>
            <DataTable
              label="Runs over time"
              columns={POINTS}
              rows={data.points}
              rowId={({ at }) => at}
            />
          </details>
          <Rankings noun="workflows" items={data.workflows} names={nameOf} />
          <Rankings noun="steps" items={data.steps} names={nameOf} />
        </Stack>
      )}
    </>
  );
}
