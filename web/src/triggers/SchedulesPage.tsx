// The schedules of all workflows: when each one starts next and why the last time failed; create, change, pause, run now.
import { Button, Text, UnstyledButton } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { RowMenu } from '../settings/parts.tsx';
import { AppLink, useAddressParam, useGo } from '../shared/address.tsx';
import { IfMay, useMay } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { words } from '../shared/format.ts';
import { ListView } from '../shared/ListView.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { keysetPage, useList } from '../shared/use-list.ts';
import { inWords } from './cron.ts';
import { ScheduleDetails } from './ScheduleDetails.tsx';
import { ScheduleForm } from './ScheduleForm.tsx';
import { TriggerTabs } from './TriggerTabs.tsx';
import { useWorkflows } from './use-workflows.ts';

type Listed = Row<'workflow_schedules'>;
const CHANGES = [['schedules'], ['runs']] as const;

function statusOf({ is_enabled, finished_at, last_error }: Listed): string {
  if (finished_at) return 'finished';
  if (!is_enabled) return 'paused';
  return last_error ? 'failed' : 'active';
}

export default function SchedulesPage() {
  const mayWrite = useMay('schedule:write');
  const go = useGo();
  const [openId, setOpenId] = useAddressParam('schedule');
  const [edited, setEdited] = useState<Listed | 'new'>();
  const { byId } = useWorkflows();
  const list = useList<Listed>({
    key: ['schedules', 'list'],
    page: (cursor, signal) =>
      keysetPage<Listed>(
        supabase.from('workflow_schedules').select('*').abortSignal(signal),
        cursor,
        { columns: ['created_at', 'id'] },
      ),
  });
  const toggle = useAction(
    ({ id, is_enabled }: Listed) =>
      ask(
        supabase
          .from('workflow_schedules')
          .update({ is_enabled: !is_enabled })
          .eq('id', id)
          .select('is_enabled')
          .single(),
      ),
    {
      success: ({ is_enabled }) =>
        is_enabled ? 'The schedule is resumed.' : 'The schedule is paused.',
      changes: CHANGES,
    },
  );
  const runNow = useAction(
    (schedule_id: string) => ask(supabase.rpc('run_schedule_now', { schedule_id })),
    {
      success: ({ outcome, detail }) =>
        outcome === 'started'
          ? 'The schedule started a run.'
          : `The run is ${words(outcome)}${detail ? `: ${words(detail)}` : ''}.`,
      changes: CHANGES,
      onSuccess: ({ run_id }) => {
        if (run_id) go(`/runs/${run_id}`);
      },
    },
  );
  const remove = useAction(
    (id: string) =>
      ask(supabase.from('workflow_schedules').delete().eq('id', id).select('id').single()),
    { success: 'The schedule is deleted.', changes: CHANGES },
  );
  async function askToDelete({ id, name }: Listed): Promise<void> {
    const answer = await confirm({
      title: 'Delete the schedule?',
      text: `${name || 'The schedule'} starts no more runs. Its runs stay.`,
      action: 'Delete schedule',
      isDangerous: true,
    });
    if (answer) remove.run(id);
  }
  const columns: Column<Listed>[] = [
    {
      id: 'name',
      header: 'Schedule',
      cell: ({ id, name, cron_expression, timezone }) => (
        <>
          <UnstyledButton onClick={() => setOpenId(id)} c="var(--mantine-color-anchor)">
            {name || inWords(cron_expression) || cron_expression}
          </UnstyledButton>
          <Text size="xs" c="dimmed">
            {inWords(cron_expression) ?? cron_expression}, {timezone}
          </Text>
        </>
      ),
    },
    {
      id: 'workflow',
      header: 'Workflow',
      hideBelow: 'md',
      cell: ({ workflow_id }) => {
        const workflow = byId.get(workflow_id);
        if (!workflow) return '–';
        return <AppLink to={`/workflows/${workflow.kebab_name}`}>{workflow.name}</AppLink>;
      },
    },
    { id: 'state', header: 'State', cell: (each) => <StatusBadge name={statusOf(each)} /> },
    {
      id: 'next',
      header: 'Next start',
      hideBelow: 'sm',
      cell: ({ next_run_at }) => <RelativeTime at={next_run_at} />,
    },
    {
      id: 'last',
      header: 'Last start',
      hideBelow: 'md',
      cell: ({ last_run_at }) => <RelativeTime at={last_run_at} />,
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'end',
      cell: (each) => (
        <RowMenu
          name={each.name || each.cron_expression}
          actions={[
            { label: 'Run now', isOffered: mayWrite, run: () => runNow.run(each.id) },
            {
              label: each.is_enabled ? 'Pause' : 'Resume',
              isOffered: mayWrite,
              run: () => toggle.run(each),
            },
            { label: 'Change', isOffered: mayWrite, run: () => setEdited(each) },
            {
              label: 'Delete',
              isDangerous: true,
              isOffered: mayWrite,
              run: () => void askToDelete(each),
            },
          ]}
        />
      ),
    },
  ];
  // The address can name a row that is on a later page.
  const named = useAppQuery(
    ['schedules', 'named', openId],
    (signal) =>
      ask(
        supabase
          .from('workflow_schedules')
          .select('*')
          .eq('id', openId ?? '')
          .limit(1)
          .abortSignal(signal),
      ),
    { enabled: openId !== undefined },
  );
  const open = list.rows?.find(({ id }) => id === openId) ?? named.data?.[0];
  return (
    <>
      <PageHeader
        title="Schedules"
        help="guides/schedules"
        actions={
          <IfMay permission="schedule:write">
            <Button
              leftSection={<IconPlus size={16} aria-hidden="true" />}
              onClick={() => setEdited('new')}
            >
              New schedule
            </Button>
          </IfMay>
        }
      >
        Runs that start by the clock.
      </PageHeader>
      <TriggerTabs page="/schedules" />
      <ListView
        list={list}
        label="Schedules"
        columns={columns}
        rowId={({ id }) => id}
        rowProps={({ id }) => ({ 'data-schedule': id })}
        empty={
          <EmptyState title="No schedules yet">
            A schedule starts a workflow at the times of a cron expression.
          </EmptyState>
        }
      />
      {open && <ScheduleDetails schedule={open} onClose={() => setOpenId(undefined)} />}
      {edited && (
        <ScheduleForm
          {...(edited === 'new' ? {} : { schedule: edited })}
          onClose={() => setEdited(undefined)}
        />
      )}
    </>
  );
}
