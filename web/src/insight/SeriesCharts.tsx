// Charts of the runs that ended over time and of their durations. recharts is large: InsightPage loads this file lazily.
import '@mantine/charts/styles.css';
import { BarChart, LineChart } from '@mantine/charts';
import { Stack, Title } from '@mantine/core';
import { duration } from '../shared/format.ts';
import type { Point } from './statistics.ts';

const HEIGHT = 220;

interface Props {
  points: readonly Point[];
  /** The text of a point's time. */
  label(at: string): string;
}

export default function SeriesCharts({ points, label }: Props) {
  const data = points.map((point) => ({ ...point, at: label(point.at) }));
  return (
    <Stack aria-hidden>
      <Title order={2} size="h5">
        Runs that ended
      </Title>
      <BarChart
        h={HEIGHT}
        data={data}
        dataKey="at"
        type="stacked"
        withLegend
        series={[
          { name: 'completed', label: 'Completed', color: 'var(--sb-done)' },
          { name: 'failed', label: 'Failed', color: 'var(--sb-danger)' },
          { name: 'cancelled', label: 'Cancelled', color: 'var(--sb-neutral)' },
        ]}
        barChartProps={{ accessibilityLayer: false }}
      />
      <Title order={2} size="h5">
        Duration
      </Title>
      <LineChart
        h={HEIGHT}
        data={data}
        dataKey="at"
        withLegend
        valueFormatter={duration}
        series={[
          { name: 'p50_duration_ms', label: 'p50', color: 'var(--sb-running)' },
          { name: 'p95_duration_ms', label: 'p95', color: 'var(--sb-waiting)' },
        ]}
        lineChartProps={{ accessibilityLayer: false }}
      />
    </Stack>
  );
}
