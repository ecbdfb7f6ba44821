// Counts and durations of a workflow in a time, from read_statistics.
import { Group, SegmentedControl } from '@mantine/core';
import { keepPreviousData } from '@tanstack/react-query';
import { useState } from 'react';
import { count, duration } from '../../shared/format.ts';
import { ask, useAppQuery } from '../../shared/query.ts';
import { ErrorState } from '../../shared/states.tsx';
import { supabase } from '../../shared/supabase.ts';
import { percent } from '../percent.ts';
import { Fact, Facts } from './Facts.tsx';

export interface Statistics {
  total: number;
  completed: number;
  failed: number;
  cancelled: number;
  success_rate: number | null;
  avg_duration_ms: number | null;
  p50_duration_ms: number | null;
  p95_duration_ms: number | null;
}

const HOUR = 3_600_000;
const DAYS: Readonly<Record<string, number>> = { day: 1, week: 7, month: 30 };

/** Beyond a day the numbers are kept by the hour. */
const sinceDays = (days: number): string => {
  const time = Date.now() - days * 24 * HOUR;
  return new Date(days > 1 ? Math.floor(time / HOUR) * HOUR : time).toISOString();
};

export function Numbers({ workflowId }: { workflowId: string }) {
  const [range, setRange] = useState('week');
  const { data, error, refetch } = useAppQuery(
    ['workflows', 'numbers', workflowId, range],
    async (signal) => {
      const answer = (await ask(
        supabase
          .rpc('read_statistics', { workflow_id: workflowId, since: sinceDays(DAYS[range] ?? 7) })
          .abortSignal(signal),
      )) as unknown as { items: Statistics[] };
      return answer.items[0] ?? null;
    },
    { placeholderData: keepPreviousData, refetchInterval: 60_000 },
  );
  if (error) return <ErrorState error={error} retry={() => void refetch()} />;
  return (
    <Group justify="space-between" align="flex-start">
      <Facts>
        <Fact label="Ended runs" value={data === undefined ? '…' : count(data?.total ?? 0)} />
        <Fact label="Success" value={percent(data?.success_rate)} />
        <Fact
          label="Failed"
          value={data === undefined ? '…' : count(data?.failed ?? 0)}
          isBad={(data?.failed ?? 0) > 0}
        />
        <Fact label="Median" value={duration(data?.p50_duration_ms ?? null)} />
        <Fact label="p95" value={duration(data?.p95_duration_ms ?? null)} />
      </Facts>
      <SegmentedControl
        size="xs"
        aria-label="Time of the numbers"
        value={range}
        onChange={setRange}
        data={[
          { value: 'day', label: '24 hours' },
          { value: 'week', label: '7 days' },
          { value: 'month', label: '30 days' },
        ]}
      />
    </Group>
  );
}
