// Charts of the runs that ended over time and of their durations. recharts is large: InsightPage loads this file lazily.
// They are hidden from screen readers, which read PointsTable.
import '@mantine/charts/styles.css';
import { BarChart, LineChart } from '@mantine/charts';
import { Paper, SimpleGrid, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { count, duration, durationTicks, shortDuration } from '../shared/format.ts';
import { type Point, pointLabel } from './statistics.ts';

const HEIGHT = 240;

function Card({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Paper bg="var(--sb-surface)" withBorder p="md" radius="md">
      <Title order={2} size="h5" mb="sm">
        {title}
      </Title>
      {children}
    </Paper>
  );
}

interface Props {
  points: readonly Point[];
  /** The length of a point in minutes. */
  step: number;
}

export default function SeriesCharts({ points, step }: Props) {
  const data = points.map((point) => ({ ...point, at: pointLabel(point.at, step) }));
  const ticks = durationTicks(
    Math.max(
      0,
      ...points.map(({ p50_duration_ms, p95_duration_ms }) =>
        Math.max(p50_duration_ms ?? 0, p95_duration_ms ?? 0),
      ),
    ),
  );
  const shared = {
    h: HEIGHT,
    data,
    dataKey: 'at',
    withLegend: true,
    legendProps: { verticalAlign: 'bottom', itemSorter: null },
    xAxisProps: { interval: 'equidistantPreserveStart', minTickGap: 16 },
    tickLine: 'none',
    gridAxis: 'x',
    tooltipAnimationDuration: 0,
  } as const;
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="lg" verticalSpacing="lg" aria-hidden>
      <Card title="Runs that ended">
        <BarChart
          {...shared}
          type="stacked"
          maxBarWidth={28}
          valueFormatter={count}
          yAxisProps={{ allowDecimals: false, width: 44 }}
          series={[
            { name: 'completed', label: 'Completed', color: 'var(--sb-done)' },
            { name: 'failed', label: 'Failed', color: 'var(--sb-danger)' },
            { name: 'cancelled', label: 'Cancelled', color: 'var(--sb-neutral)' },
          ]}
          barChartProps={{ accessibilityLayer: false }}
          barProps={{ isAnimationActive: false }}
        />
      </Card>
      <Card title="Duration">
        <LineChart
          {...shared}
          curveType="linear"
          connectNulls
          strokeWidth={2}
          valueFormatter={duration}
          yAxisProps={{
            width: 60,
            tickFormatter: shortDuration,
            ticks,
            domain: [0, ticks.at(-1) ?? 0],
          }}
          series={[
            { name: 'p50_duration_ms', label: 'p50', color: 'var(--sb-running)' },
            { name: 'p95_duration_ms', label: 'p95', color: 'var(--sb-waiting)' },
          ]}
          lineChartProps={{ accessibilityLayer: false }}
          lineProps={{ isAnimationActive: false }}
        />
      </Card>
    </SimpleGrid>
  );
}
