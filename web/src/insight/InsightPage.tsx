// How the application or one of its workflows does in a time: runs that ended, success, durations, and the slowest and
// most failing parts.
import { Button, Group, SegmentedControl, SimpleGrid, Stack } from '@mantine/core';
import { lazy, Suspense } from 'react';
import { useAddressParam, useHref } from '../shared/address.tsx';
import { count, duration } from '../shared/format.ts';
import { PageHeader } from '../shared/PageHeader.tsx';
import { useAppQuery } from '../shared/query.ts';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { Fact, Facts } from '../workflows/overview/Facts.tsx';
import { percent } from '../workflows/percent.ts';
import { InsightTabs } from './InsightTabs.tsx';
import { PointsTable } from './PointsTable.tsx';
import { Rankings } from './Rankings.tsx';
import { type Numbers, readItems, readSeries, SPANS, sinceOf } from './statistics.ts';
import { useKnownWorkflows, WorkflowFilter } from './WorkflowFilter.tsx';

const SeriesCharts = lazy(() => import('./SeriesCharts.tsx'));
const CHARTS_HEIGHT = 300;
const REFRESH_MS = 60_000;

function Totals({ numbers }: { numbers: Numbers }) {
  const { total, failed, cancelled, success_rate, p50_duration_ms, p95_duration_ms } = numbers;
  return (
    <Facts>
      <Fact label="Ended runs" value={count(total)} />
      <Fact label="Success" value={percent(success_rate)} />
      <Fact label="Failed" value={count(failed)} isBad={failed > 0} />
      <Fact label="Cancelled" value={count(cancelled)} />
      <Fact label="p50" value={duration(p50_duration_ms)} />
      <Fact label="p95" value={duration(p95_duration_ms)} />
    </Facts>
  );
}

export default function InsightPage() {
  const href = useHref();
  const [chosen = '24h', setChosen] = useAddressParam('since');
  const [workflow] = useAddressParam('workflow');
  const span = SPANS.find(({ value }) => value === chosen) ?? SPANS[1];
  const known = useKnownWorkflows();
  const workflows = known ?? [];
  const id = workflows.find(({ kebab_name }) => kebab_name === workflow)?.id;
  const { data, error, refetch } = useAppQuery(
    ['statistics', span.value, id],
    async (signal) => {
      const since = sinceOf(span, Date.now());
      const [byWorkflow, all, steps, points] = await Promise.all([
        readItems('workflow', since, id, signal),
        id === undefined ? readItems('application', since, id, signal) : undefined,
        readItems('step', since, id, signal),
        readSeries(span, since, id, signal),
      ]);
      return { all: (all ?? byWorkflow)[0], workflows: byWorkflow, steps, points };
    },
    { refetchInterval: REFRESH_MS, enabled: workflow === undefined || known !== undefined },
  );
  return (
    <>
      <PageHeader
        title="Insight"
        help="guides/statistics"
        actions={
          <Button component="a" variant="default" href={href('/settings/alerts')}>
            Alerts
          </Button>
        }
      />
      <InsightTabs page="/insight" />
      <Group mb="md" gap="sm" justify="space-between">
        <SegmentedControl
          aria-label="Time"
          data={SPANS.map(({ value, short }) => ({ value, label: short }))}
          value={span.value}
          onChange={setChosen}
        />
        <WorkflowFilter />
      </Group>
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <LoadingState rows={2} height={(CHARTS_HEIGHT + 60) / 2} />}
      {data && !data.all && (
        <EmptyState title="No run ended in this time">
          Choose a longer time. The numbers are current to the minute.
        </EmptyState>
      )}
      {data?.all && (
        <Stack gap="lg">
          <Totals numbers={data.all} />
          <Suspense fallback={<LoadingState rows={1} height={CHARTS_HEIGHT} />}>
            <SeriesCharts points={data.points} step={span.step} />
          </Suspense>
          <PointsTable points={data.points} step={span.step} />
          <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="lg" verticalSpacing="lg">
            {id === undefined && (
              <Rankings noun="workflows" items={data.workflows} workflows={workflows} />
            )}
            <Rankings noun="steps" items={data.steps} workflows={workflows} />
          </SimpleGrid>
        </Stack>
      )}
    </>
  );
}
