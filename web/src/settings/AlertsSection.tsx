// Alerts: triggers that start a workflow for an event of the operation, and outgoing webhooks for ends of runs.
import { Button, Group, Switch, Text } from '@mantine/core';
import { useState } from 'react';
import { AppLink } from '../shared/address.tsx';
import { useApp } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { EmptyState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { useLiveKeys, useRunsTopic } from '../shared/use-live.ts';
import { ALERT_EVENTS } from './alert-templates.ts';
import { CreateAlert } from './CreateAlert.tsx';
import { OutgoingWebhooks } from './OutgoingWebhooks.tsx';
import { Block, RowMenu, Rows } from './parts.tsx';

interface Alert {
  id: string;
  name: string;
  event_name: string | null;
  is_enabled: boolean;
  last_fired_at: string | null;
  workflow_id: string;
  workflow: string;
}

const CHANGES = [['workflow_triggers'], ['triggers'], ['audit_log']] as const;
const labelOf = (name: string | null) =>
  ALERT_EVENTS.find(({ value }) => value === name)?.label ?? name;

async function readAlerts(signal: AbortSignal): Promise<Alert[]> {
  const triggers = await ask(
    supabase
      .from('workflow_triggers')
      .select('id, name, event_name, is_enabled, last_fired_at, workflow_id')
      .in(
        'event_name',
        ALERT_EVENTS.map(({ value }) => value),
      )
      .order('created_at')
      .abortSignal(signal),
  );
  const ids = [...new Set(triggers.map(({ workflow_id }) => workflow_id))];
  const workflows = await ask(
    supabase.from('workflows').select('id, kebab_name').in('id', ids).abortSignal(signal),
  );
  const names = new Map(workflows.map(({ id, kebab_name }) => [id, kebab_name]));
  return triggers.map((each) => ({
    ...each,
    workflow: names.get(each.workflow_id) ?? each.workflow_id,
  }));
}

export default function AlertsSection() {
  const { permissions } = useApp();
  const mayWrite = permissions.has('schedule:write');
  const mayCreate =
    mayWrite && permissions.has('workflow:write') && permissions.has('workflow:publish');
  const [isCreating, setCreating] = useState(false);
  const alerts = useAppQuery(['workflow_triggers', 'alerts'], readAlerts);
  // An alert that is sent is a run.
  useLiveKeys(useRunsTopic(), [['workflow_triggers', 'alerts']]);
  const toggle = useAction(
    ({ id, is_enabled }: Pick<Alert, 'id' | 'is_enabled'>) =>
      ask(
        supabase
          .from('workflow_triggers')
          .update({ is_enabled })
          .eq('id', id)
          .select('id')
          .single(),
      ),
    { success: 'The alert is saved.', changes: CHANGES },
  );
  const remove = useAction(
    (id: string) =>
      ask(supabase.from('workflow_triggers').delete().eq('id', id).select('id').single()),
    { success: 'The alert is deleted. Its workflow stays.', changes: CHANGES },
  );
  async function askToDelete({ id, workflow }: Alert): Promise<void> {
    const answer = await confirm({
      title: `Delete the alert ${workflow}?`,
      text: 'The event no longer starts the workflow. The workflow stays.',
      action: 'Delete',
      isDangerous: true,
    });
    if (answer) remove.run(id);
  }
  const columns: Column<Alert>[] = [
    {
      id: 'event',
      header: 'When',
      cell: ({ event_name }) => (
        <>
          <Text size="sm">{labelOf(event_name)}</Text>
          <Text size="xs" c="dimmed" className="mono">
            {event_name}
          </Text>
        </>
      ),
    },
    {
      id: 'workflow',
      header: 'Workflow',
      cell: ({ workflow }) => <AppLink to={`/workflows/${workflow}`}>{workflow}</AppLink>,
    },
    {
      id: 'fired',
      header: 'Last sent',
      hideBelow: 'md',
      cell: ({ last_fired_at }) =>
        last_fired_at ? <RelativeTime at={last_fired_at} /> : <Text size="sm">Never</Text>,
    },
    {
      id: 'enabled',
      header: 'On',
      cell: ({ id, workflow, is_enabled }) =>
        mayWrite ? (
          <Switch
            aria-label={`Alert ${workflow}`}
            checked={is_enabled}
            onChange={(event) => toggle.run({ id, is_enabled: event.currentTarget.checked })}
          />
        ) : (
          <Text size="sm">{is_enabled ? 'yes' : 'no'}</Text>
        ),
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'end',
      cell: (alert) => (
        <RowMenu
          name={alert.workflow}
          actions={[
            {
              label: 'Delete',
              isDangerous: true,
              isOffered: mayWrite,
              run: () => void askToDelete(alert),
            },
          ]}
        />
      ),
    },
  ];
  return (
    <>
      <Block
        title="Alerts"
        text="An alert is a workflow that an event starts, so its runs are in the list of runs."
        actions={
          mayCreate && (
            <Group>
              <Button onClick={() => setCreating(true)}>New alert</Button>
            </Group>
          )
        }
      >
        <Rows
          query={alerts}
          label="Alerts"
          columns={columns}
          rowId={({ id }) => id}
          empty={
            <EmptyState title="No alerts">
              Send a message when a run fails, gets stuck or waits too long.
            </EmptyState>
          }
        />
      </Block>
      <OutgoingWebhooks />
      {isCreating && <CreateAlert onClose={() => setCreating(false)} />}
    </>
  );
}
