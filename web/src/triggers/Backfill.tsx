// Starts runs for past times of a schedule: the range, a preview of its times, and the progress of earlier backfills.
import { Button, Group, Progress, Stack, Text, TextInput } from '@mantine/core';
import { useMemo, useState } from 'react';
import { useMay } from '../shared/app.tsx';
import { dateTime } from '../shared/format.ts';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { ErrorState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { inZone, timesBetween } from './cron.ts';

/** The database refuses more times of a backfill. */
const LIMIT = 1_000;
const CHANGES = [['schedules']] as const;

function parse(from: string, to: string): { from: Date; to: Date } | undefined {
  const range = { from: new Date(from), to: new Date(to) };
  if (Number.isNaN(range.from.getTime()) || Number.isNaN(range.to.getTime())) return undefined;
  return range.from <= range.to ? range : undefined;
}

export function Backfill({ schedule }: { schedule: Row<'workflow_schedules'> }) {
  const { id, cron_expression, timezone } = schedule;
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const range = parse(from, to);
  const times = useMemo(() => {
    const given = parse(from, to);
    return given ? timesBetween(cron_expression, timezone, given, LIMIT + 1) : [];
  }, [from, to, cron_expression, timezone]);
  const start = useAction(
    ({ from: first, to: last }: { from: Date; to: Date }) =>
      ask(
        supabase.rpc('backfill_schedule', {
          schedule_id: id,
          from_time: first.toISOString(),
          to_time: last.toISOString(),
        }),
      ),
    { success: 'The backfill is requested.', changes: CHANGES },
  );
  const [first] = times;
  const last = times.at(-1);
  return (
    <Stack gap="sm">
      {useMay('schedule:write') && (
        <>
          <Group align="flex-end">
            <TextInput
              type="datetime-local"
              label="From (your time zone)"
              value={from}
              onChange={(event) => setFrom(event.currentTarget.value)}
            />
            <TextInput
              type="datetime-local"
              label="To (your time zone)"
              value={to}
              onChange={(event) => setTo(event.currentTarget.value)}
            />
            <Button
              variant="default"
              disabled={times.length === 0 || times.length > LIMIT}
              loading={start.isRunning}
              onClick={() => range && start.run(range)}
            >
              Start backfill
            </Button>
          </Group>
          {range && (
            <Text size="sm" role="status">
              {times.length > LIMIT
                ? `The range has more than ${LIMIT} times. Choose a shorter one.`
                : first && last
                  ? `${times.length} times, from ${inZone(first, timezone)} to ${inZone(last, timezone)}. Times that have a run keep it.`
                  : 'The range contains no time of the schedule.'}
            </Text>
          )}
        </>
      )}
      <Backfills scheduleId={id} />
    </Stack>
  );
}

function Backfills({ scheduleId }: { scheduleId: string }) {
  const mayWrite = useMay('schedule:write');
  const { data, error, refetch } = useAppQuery(
    ['schedules', scheduleId, 'backfills'],
    (signal) =>
      ask(
        supabase
          .from('schedule_backfills')
          .select('id,from_time,to_time,status,times_total,times_done,runs_started,times_failed')
          .eq('schedule_id', scheduleId)
          .order('created_at', { ascending: false })
          .limit(5)
          .abortSignal(signal),
      ),
    {
      refetchInterval: ({ state }) =>
        state.data?.some(({ status }) => status === 'pending' || status === 'running')
          ? 2_000
          : false,
    },
  );
  const cancel = useAction(
    (backfill_id: string) => ask(supabase.rpc('cancel_backfill', { backfill_id })),
    { success: 'The backfill is cancelled.', changes: CHANGES },
  );
  if (error) return <ErrorState error={error} retry={() => void refetch()} />;
  return data?.map((each) => (
    <Stack key={each.id} gap={4}>
      <Group gap="sm" justify="space-between">
        <Text size="sm">
          {dateTime(each.from_time)} – {dateTime(each.to_time)}
        </Text>
        <Group gap="sm">
          <StatusBadge name={each.status} />
          {mayWrite && (each.status === 'pending' || each.status === 'running') && (
            <Button size="compact-xs" variant="default" onClick={() => cancel.run(each.id)}>
              Cancel backfill
            </Button>
          )}
        </Group>
      </Group>
      <Progress
        aria-label="Progress of the backfill"
        value={each.times_total ? (100 * each.times_done) / each.times_total : 0}
      />
      <Text size="xs" c="dimmed">
        {each.times_done} of {each.times_total ?? '?'} times, {each.runs_started} runs started,{' '}
        {each.times_failed} failed
      </Text>
    </Stack>
  ));
}
