// A schedule in a drawer: its next times, why the last time started no run, its last times with their runs, and backfills.
import { Alert, Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { AppLink } from '../shared/address.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { Drawer } from '../shared/dialogs.tsx';
import { words } from '../shared/format.ts';
import { ListView } from '../shared/ListView.tsx';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState } from '../shared/states.tsx';
import { type Json, type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { keysetPage, useList } from '../shared/use-list.ts';
import { Backfill } from './Backfill.tsx';
import { CronPreview } from './CronPreview.tsx';

type Outcome = Row<'schedule_runs'>;

export function messageOf(error: Json | null): string {
  if (typeof error !== 'object' || error === null || Array.isArray(error)) return String(error);
  return `${String(error.message ?? 'The server gave no reason.')} (${String(error.code ?? '')})`;
}

const COLUMNS: Column<Outcome>[] = [
  {
    id: 'time',
    header: 'Time',
    cell: ({ scheduled_at, run_id }) =>
      run_id ? (
        <AppLink to={`/runs/${run_id}`}>
          <RelativeTime at={scheduled_at} />
        </AppLink>
      ) : (
        <RelativeTime at={scheduled_at} />
      ),
  },
  {
    id: 'outcome',
    header: 'Outcome',
    cell: ({ outcome, detail, error }) => (
      <>
        <StatusBadge name={outcome} />
        {(detail || error) && (
          <Text size="xs" c="dimmed">
            {error ? messageOf(error) : words(detail ?? '')}
          </Text>
        )}
      </>
    ),
  },
  { id: 'cause', header: 'Cause', cell: ({ cause }) => words(cause) },
];

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Stack gap="xs" component="section">
      <Title order={3} size="h5">
        {title}
      </Title>
      {children}
    </Stack>
  );
}

interface Props {
  schedule: Row<'workflow_schedules'>;
  onClose(): void;
}

export function ScheduleDetails({ schedule, onClose }: Props) {
  const { id, name, cron_expression, timezone, last_error, is_enabled, finished_at } = schedule;
  const list = useList<Outcome>({
    key: ['schedules', id, 'outcomes'],
    page: (cursor, signal) =>
      keysetPage<Outcome>(
        supabase.from('schedule_runs').select('*').eq('schedule_id', id).abortSignal(signal),
        cursor,
        { columns: ['scheduled_at', 'id'], size: 20 },
      ),
  });
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size="lg"
      title={name || 'Schedule'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack gap="xl">
        {last_error && (
          <Alert color="red" role="alert" title="The last time started no run">
            <Text c="var(--mantine-color-text)">{messageOf(last_error)}</Text>
          </Alert>
        )}
        <Part title="Next times">
          {is_enabled && !finished_at ? (
            <CronPreview expression={cron_expression} timezone={timezone} />
          ) : (
            <Text size="sm">
              {finished_at
                ? 'The schedule has ended and starts no more runs.'
                : 'The schedule is paused. Times during the pause start no run.'}
            </Text>
          )}
        </Part>
        <Part title="Last times">
          <ListView
            list={list}
            label="Last times"
            columns={COLUMNS}
            rowId={(row) => row.id}
            empty={<EmptyState title="It has not been due yet" />}
          />
        </Part>
        <Part title="Runs for past times">
          <Backfill schedule={schedule} />
        </Part>
      </Stack>
    </Drawer>
  );
}
