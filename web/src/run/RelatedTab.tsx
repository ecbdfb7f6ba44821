// Runs that belong to this one: its children, the runs that repeat or continue it, and those that it repeats.
import { Stack, Text, Title } from '@mantine/core';
import { AppLink } from '../shared/address.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { ListView } from '../shared/ListView.tsx';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState } from '../shared/states.tsx';
import { type Run, supabase } from '../shared/supabase.ts';
import { Duration, RelativeTime } from '../shared/Times.tsx';
import { keysetPage, useList } from '../shared/use-list.ts';

interface Related
  extends Pick<
    Run,
    | 'id'
    | 'status'
    | 'created_at'
    | 'started_at'
    | 'duration_ms'
    | 'rerun_from_step'
    | 'trigger_type'
  > {
  workflow: { name: string } | null;
}

const COLUMNS_OF_RUN =
  'id,status,created_at,started_at,duration_ms,rerun_from_step,trigger_type,workflow:workflows!runs_workflow_fkey(name)';

const columnsOf = (compareWith: string | undefined): Column<Related>[] => [
  {
    id: 'run',
    header: 'Run',
    cell: ({ id, workflow }) => (
      <AppLink to={`/runs/${id}`}>
        {workflow?.name ?? 'Run'} …{id.slice(-12)}
      </AppLink>
    ),
  },
  { id: 'status', header: 'Status', cell: ({ status }) => <StatusBadge name={status} /> },
  {
    id: 'duration',
    header: 'Duration',
    hideBelow: 'sm',
    cell: ({ duration_ms, started_at }) => <Duration ms={duration_ms} since={started_at} />,
  },
  { id: 'at', header: 'Created', cell: ({ created_at }) => <RelativeTime at={created_at} /> },
  ...(compareWith === undefined
    ? []
    : [
        {
          id: 'compare',
          header: <span>Compare</span>,
          hideBelow: 'md' as const,
          cell: ({ id }: Related) => (
            <AppLink to={`/runs/${compareWith}/compare/${id}`}>Compare</AppLink>
          ),
        },
      ]),
];

interface Props {
  run: Run;
  column: 'parent_run_id' | 'origin_run_id';
  title: string;
  empty: string;
}

function RelatedRuns({ run, column, title, empty }: Props) {
  const list = useList<Related>({
    key: ['runs', run.id, column],
    live: `stepbase:run:${run.id}`,
    page: (cursor, signal) =>
      keysetPage<Related>(
        supabase.from('runs').select(COLUMNS_OF_RUN).eq(column, run.id).abortSignal(signal),
        cursor,
        { columns: ['created_at', 'id'] },
      ),
  });
  return (
    <section aria-label={title}>
      <Title order={2} size="h5" mb="xs">
        {title}
      </Title>
      <ListView
        list={list}
        label={title}
        columns={columnsOf(column === 'origin_run_id' ? run.id : undefined)}
        rowId={({ id }) => id}
        rowProps={({ id }) => ({ 'data-run': id })}
        empty={<EmptyState title={empty} />}
      />
    </section>
  );
}

export function RelatedTab({ run }: { run: Run }) {
  return (
    <Stack>
      {run.origin_run_id !== null && (
        <Text size="sm">
          This run repeats or continues{' '}
          <AppLink to={`/runs/${run.origin_run_id}`}>…{run.origin_run_id.slice(-12)}</AppLink>:{' '}
          <AppLink to={`/runs/${run.origin_run_id}/compare/${run.id}`}>compare both</AppLink>.
        </Text>
      )}
      <RelatedRuns
        run={run}
        column="parent_run_id"
        title="Child runs"
        empty="The run has started no child"
      />
      <RelatedRuns
        run={run}
        column="origin_run_id"
        title="Runs that repeat or continue this one"
        empty="No run repeats this one"
      />
    </Stack>
  );
}
