// Failed runs of the last days, grouped by workflow, version and error code. A group can be redriven after a preview.
import { Button, Group, NativeSelect, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { BulkDialog } from '../runs/BulkDialog.tsx';
import { Operations } from '../runs/Operations.tsx';
import { AppLink, useAddressParam } from '../shared/address.tsx';
import { useMay } from '../shared/app.tsx';
import { type Column, DataTable } from '../shared/DataTable.tsx';
import { count } from '../shared/format.ts';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { Sparkline } from './Sparkline.tsx';

interface FailureGroup {
  workflow: string;
  workflow_name: string;
  version: number;
  error_code: string;
  total: number;
  redriven: number;
  children: number;
  first_at: string;
  last_at: string;
  created_from: string;
  created_to: string;
  sample: { run_id: string; step_id: string | null; message: string | null };
  series: number[];
}

interface Groups {
  is_complete: boolean;
  items: FailureGroup[];
}

const HOUR_MS = 3_600_000;
const SPANS = [
  { value: '24', label: 'Last 24 hours' },
  { value: '168', label: 'Last 7 days' },
  { value: '720', label: 'Last 30 days' },
];

const idOf = (group: FailureGroup) => `${group.workflow}/${group.version}/${group.error_code}`;

/** The runs of a group, for a bulk operation. Runs without an error code are grouped by status: the filter has none of them. */
function filterOf({ workflow, version, error_code, created_from, created_to }: FailureGroup) {
  return {
    workflow,
    version,
    status: ['failed', 'timed_out'],
    error_code,
    created_from,
    // created_before leaves its own time out; times have microseconds.
    created_before: new Date(new Date(created_to).getTime() + 1).toISOString(),
  };
}

function Sample({ group }: { group: FailureGroup }) {
  const { run_id, step_id, message } = group.sample;
  return (
    <Stack gap={0}>
      <AppLink to={`/runs/${run_id}`} lineClamp={2}>
        {message ?? 'Latest run'}
      </AppLink>
      {step_id && (
        <Text size="xs" c="dimmed">
          Step {step_id}
        </Text>
      )}
    </Stack>
  );
}

const COLUMNS: Column<FailureGroup>[] = [
  {
    id: 'group',
    header: 'Workflow and error',
    cell: (group) => (
      <Stack gap={0}>
        <Text>
          {group.workflow_name} v{group.version}
        </Text>
        <Text size="xs" c="dimmed">
          {group.error_code}
        </Text>
      </Stack>
    ),
  },
  {
    id: 'sample',
    header: 'Latest error',
    hideBelow: 'sm',
    cell: (group) => <Sample group={group} />,
  },
  {
    id: 'series',
    header: 'Over time',
    hideBelow: 'lg',
    cell: (group) => <Sparkline values={group.series} />,
  },
  {
    id: 'total',
    header: 'Runs',
    align: 'end',
    cell: (group) => (
      <Stack gap={0} align="flex-end">
        <Text>{count(group.total)}</Text>
        {group.redriven > 0 && (
          <Text size="xs" c="dimmed">
            {count(group.redriven)} redriven
          </Text>
        )}
      </Stack>
    ),
  },
  {
    id: 'first',
    header: 'First',
    hideBelow: 'lg',
    cell: (group) => <RelativeTime at={group.first_at} />,
  },
  {
    id: 'last',
    header: 'Last',
    hideBelow: 'md',
    cell: (group) => <RelativeTime at={group.last_at} />,
  },
];

export default function FailuresPage() {
  const mayRedrive = useMay('run:execute');
  const [hours = '168', setHours] = useAddressParam('hours');
  const [chosen, setChosen] = useState<FailureGroup>();
  const known = SPANS.some(({ value }) => value === String(hours)) ? String(hours) : '168';
  const { data, error, refetch } = useAppQuery(
    ['runs', 'failure-groups', known],
    async (signal) => {
      const since = new Date(Date.now() - Number(known) * HOUR_MS).toISOString();
      return (await ask(
        supabase.rpc('dead_letter_groups', { since }).abortSignal(signal),
      )) as unknown as Groups;
    },
  );
  const redrive: Column<FailureGroup> = {
    id: 'redrive',
    header: 'Actions',
    align: 'end',
    cell: (group) => (
      <Button
        size="compact-sm"
        variant="default"
        aria-label={`Redrive ${group.workflow_name} v${group.version}, ${group.error_code}`}
        onClick={() => setChosen(group)}
      >
        Redrive
      </Button>
    ),
  };
  return (
    <>
      <PageHeader
        title="Failures"
        help="guides/handle-failures"
        back={{ to: '/insight', label: 'Insight' }}
      />
      <Group mb="md">
        <NativeSelect
          aria-label="Time"
          data={SPANS}
          value={known}
          onChange={(event) => setHours(event.currentTarget.value)}
        />
      </Group>
      <Operations />
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <LoadingState rows={3} />}
      {data?.is_complete === false && (
        <Text size="sm" c="dimmed" mb="sm">
          Only the latest 20,000 failed runs are counted.
        </Text>
      )}
      {data?.items.length === 0 && <EmptyState title="No failed runs in this time" />}
      {data && data.items.length > 0 && (
        <DataTable
          label="Failures"
          columns={mayRedrive ? [...COLUMNS, redrive] : COLUMNS}
          rows={data.items}
          rowId={idOf}
          rowProps={(group) => ({ 'data-failure': idOf(group) })}
        />
      )}
      {chosen && (
        <BulkDialog
          action="redrive"
          filter={filterOf(chosen)}
          onClose={() => setChosen(undefined)}
        />
      )}
    </>
  );
}
