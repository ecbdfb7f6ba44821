// Failed runs of the last days, grouped by workflow, version and error code. A group can be redriven after a preview.

import { Button, Code, Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { BulkDialog } from '../runs/BulkDialog.tsx';
import { Operations, OperationsButton } from '../runs/Operations.tsx';
import { AppLink, useAddressParam } from '../shared/address.tsx';
import { useMay } from '../shared/app.tsx';
import { type Column, DataTable } from '../shared/DataTable.tsx';
import { count } from '../shared/format.ts';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { FAILED_STATUSES } from '../shared/run-status.ts';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { useLiveKeys, useRunsTopic } from '../shared/use-live.ts';
import { InsightTabs } from './InsightTabs.tsx';
import { Sparkline } from './Sparkline.tsx';
import { WorkflowFilter } from './WorkflowFilter.tsx';

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
  { value: '24', label: '24 h', since: '24h' },
  { value: '168', label: '7 d', since: '7d' },
  { value: '720', label: '30 d', since: '30d' },
] as const;

const idOf = (group: FailureGroup) => `${group.workflow}/${group.version}/${group.error_code}`;

/** The runs of a group, for a bulk operation. */
function filterOf({ workflow, version, error_code, created_from, created_to }: FailureGroup) {
  return {
    workflow,
    version,
    status: [...FAILED_STATUSES],
    error_code,
    created_from,
    // created_before leaves its own time out; times have microseconds.
    created_before: new Date(new Date(created_to).getTime() + 1).toISOString(),
  };
}

/** The same runs in the list of runs. */
function addressOf({ workflow, version, error_code }: FailureGroup, since: string): string {
  const query = new URLSearchParams({
    status: 'failed,timed_out',
    workflow,
    version: String(version),
    error: error_code,
    since,
  });
  return `/runs?${query}`;
}

function Sample({ group }: { group: FailureGroup }) {
  const { run_id, step_id, message } = group.sample;
  return (
    <Stack gap={0}>
      <AppLink to={`/runs/${run_id}`} lineClamp={2} size="sm">
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

const columnsOf = (since: string): Column<FailureGroup>[] => [
  {
    id: 'group',
    header: 'Workflow and error',
    width: 270,
    cell: (group) => (
      <Stack gap={2} align="flex-start">
        <AppLink to={`/workflows/${group.workflow}`} size="sm">
          {group.workflow_name}
        </AppLink>
        <Group gap={6}>
          <Code>{group.error_code}</Code>
          <Text size="xs" c="dimmed">
            version {group.version}
          </Text>
        </Group>
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
    id: 'last',
    header: 'Latest',
    hideBelow: 'md',
    cell: (group) => (
      <Stack gap={0} style={{ whiteSpace: 'nowrap' }}>
        <RelativeTime at={group.last_at} />
        {group.total > 1 && (
          <Text size="xs" c="dimmed">
            since <RelativeTime at={group.first_at} />
          </Text>
        )}
      </Stack>
    ),
  },
  {
    id: 'total',
    header: 'Runs',
    align: 'end',
    cell: (group) => (
      <Stack gap={0} align="flex-end">
        <AppLink
          to={addressOf(group, since)}
          size="sm"
          fw={600}
          aria-label={`Show ${count(group.total)} runs of ${group.workflow_name} with ${group.error_code}`}
        >
          {count(group.total)}
        </AppLink>
        {group.redriven > 0 && (
          <Text size="xs" c="dimmed">
            {count(group.redriven)} redriven
          </Text>
        )}
      </Stack>
    ),
  },
];

export default function FailuresPage() {
  const mayRedrive = useMay('run:execute');
  const [hours, setHours] = useAddressParam('hours');
  const [workflow] = useAddressParam('workflow');
  const [chosen, setChosen] = useState<FailureGroup>();
  const span = SPANS.find(({ value }) => value === hours) ?? SPANS[1];
  const { data, error, refetch } = useAppQuery(
    ['runs', 'failure-groups', span.value, workflow],
    async (signal) => {
      const since = new Date(Date.now() - Number(span.value) * HOUR_MS).toISOString();
      return (await ask(
        supabase
          .rpc('dead_letter_groups', { since, ...(workflow && { workflow }) })
          .abortSignal(signal),
      )) as unknown as Groups;
    },
  );
  // New failures and redrives arrive while the page is open.
  useLiveKeys(useRunsTopic(), [['runs', 'failure-groups']]);
  const redrive: Column<FailureGroup> = {
    id: 'redrive',
    header: 'Actions',
    align: 'end',
    cell: (group) => {
      const open = group.total - group.redriven - group.children;
      const text = open > 0 ? `Redrive ${count(open)}` : 'Redriven';
      return (
        <Button
          size="compact-sm"
          variant="default"
          disabled={open <= 0}
          aria-label={`${text}: ${group.workflow_name} v${group.version}, ${group.error_code}`}
          onClick={() => setChosen(group)}
        >
          {text}
        </Button>
      );
    },
  };
  const columns = columnsOf(span.since);
  const items = data?.items ?? [];
  return (
    <>
      <PageHeader title="Failures" help="guides/handle-failures" />
      <InsightTabs page="/insight/failures" />
      <Group mb="md" justify="space-between">
        <SegmentedControl
          aria-label="Time"
          data={SPANS.map(({ value, label }) => ({ value, label }))}
          value={span.value}
          onChange={setHours}
        />
        <Group gap="md">
          <WorkflowFilter />
          {items.length > 0 && (
            <Text size="sm" c="dimmed" role="status">
              {count(items.reduce((sum, { total }) => sum + total, 0))} failed runs in{' '}
              {count(items.length)} {items.length === 1 ? 'group' : 'groups'}
            </Text>
          )}
          <OperationsButton />
        </Group>
      </Group>
      <Operations />
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <LoadingState rows={4} height={60} />}
      {data?.is_complete === false && (
        <Text size="sm" c="dimmed" mb="sm">
          Only the latest 20,000 failed runs are counted, and the 200 largest groups are shown.
          Choose a workflow or a shorter time to see the others.
        </Text>
      )}
      {data && items.length === 0 && (
        <EmptyState
          title={
            workflow === undefined
              ? 'No failed runs in this time'
              : 'The workflow has no failed runs in this time'
          }
        >
          Runs that fail or time out are grouped here, to redrive them together.
        </EmptyState>
      )}
      {items.length > 0 && (
        <DataTable
          label="Failures"
          columns={mayRedrive ? [...columns, redrive] : columns}
          rows={items}
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
