// A chart of the cost of model calls by day. recharts is large: ModelsPage loads this file lazily. It is hidden from
// screen readers, which read the table of days.
import '@mantine/charts/styles.css';
import { BarChart } from '@mantine/charts';
import { dollars, type Use } from './usage.ts';

const dayName = new Intl.DateTimeFormat(undefined, {
  day: 'numeric',
  month: 'short',
  timeZone: 'UTC',
});

export default function CostChart({ days }: { days: readonly (Use & { day: string })[] }) {
  return (
    <BarChart
      aria-hidden
      h={200}
      data={days.map(({ day, cost }) => ({ day: dayName.format(new Date(day)), cost }))}
      dataKey="day"
      series={[{ name: 'cost', label: 'Cost', color: 'var(--sb-running)' }]}
      valueFormatter={dollars}
      tickLine="none"
      gridAxis="x"
      maxBarWidth={28}
      tooltipAnimationDuration={0}
      yAxisProps={{ width: 72 }}
      xAxisProps={{ interval: 'equidistantPreserveStart', minTickGap: 16 }}
      barChartProps={{ accessibilityLayer: false }}
      barProps={{ isAnimationActive: false }}
    />
  );
}
