// The numbers of the last 24 hours, compared with the 24 hours before.
import { Text } from '@mantine/core';
import { count, duration } from '../shared/format.ts';
import { ask, useAppQuery } from '../shared/query.ts';
import { ErrorState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { Fact, Facts } from '../workflows/overview/Facts.tsx';
import type { Statistics } from '../workflows/overview/Numbers.tsx';
import { percent } from '../workflows/percent.ts';
import type { Overview } from './use-overview.ts';

const HOUR = 3_600_000;
/** Beyond a day the numbers are kept by the hour. */
const hoursAgo = (hours: number, now: number): string =>
  new Date(Math.floor((now - hours * HOUR) / HOUR) * HOUR).toISOString();

async function readDays(signal: AbortSignal) {
  const now = Date.now();
  const read = async (since: string, until?: string): Promise<Statistics | undefined> => {
    const answer = (await ask(
      supabase
        .rpc('read_statistics', { group_by: 'application', since, ...(until ? { until } : {}) })
        .abortSignal(signal),
    )) as unknown as { items: Statistics[] };
    return answer.items[0];
  };
  const [today, before] = await Promise.all([
    read(new Date(now - 24 * HOUR).toISOString()),
    read(hoursAgo(48, now), hoursAgo(24, now)),
  ]);
  return { today, before };
}

function Before({ children }: { children: string }) {
  return (
    <Text size="xs" c="dimmed" fw={400}>
      {children}
    </Text>
  );
}

export function Today({ overview }: { overview: Overview | undefined }) {
  const { data, error, refetch } = useAppQuery(['statistics', 'today'], readDays, {
    refetchInterval: 60_000,
  });
  if (error) return <ErrorState error={error} retry={() => void refetch()} />;
  const { today, before } = data ?? {};
  const open = Object.values(overview?.open_runs ?? {}).reduce((sum, each) => sum + each, 0);
  const isRead = data !== undefined;
  return (
    <Facts>
      <Fact
        label="Ended runs"
        value={
          <>
            {isRead ? count(today?.total ?? 0) : '…'}
            <Before>{`${count(before?.total ?? 0)} the day before`}</Before>
          </>
        }
      />
      <Fact
        label="Success"
        value={
          <>
            {percent(today?.success_rate)}
            <Before>{`${percent(before?.success_rate)} the day before`}</Before>
          </>
        }
      />
      <Fact
        label="Failed"
        isBad={(today?.failed ?? 0) > 0}
        value={
          <>
            {isRead ? count(today?.failed ?? 0) : '…'}
            <Before>{`${count(before?.failed ?? 0)} the day before`}</Before>
          </>
        }
      />
      <Fact
        label="p95"
        value={
          <>
            {duration(today?.p95_duration_ms ?? null)}
            <Before>{`${duration(before?.p95_duration_ms ?? null)} the day before`}</Before>
          </>
        }
      />
      <Fact
        label="Open now"
        value={
          <>
            {overview ? count(open) : '…'}
            <Before>{`${count(overview?.open_runs.paused ?? 0)} paused`}</Before>
          </>
        }
      />
    </Facts>
  );
}
