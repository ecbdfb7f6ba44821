// Webhooks: addresses whose signed calls start runs, with the log of their calls; and outgoing webhooks with theirs.
import { Button, SegmentedControl, Stack, Text, UnstyledButton } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { OutgoingWebhooks } from '../settings/OutgoingWebhooks.tsx';
import { Block, RowMenu } from '../settings/parts.tsx';
import { ShownOnce } from '../settings/shown-once.tsx';
import { AppLink, useAddressParam } from '../shared/address.tsx';
import { IfMay, useMay } from '../shared/app.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { ListView } from '../shared/ListView.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { keysetPage, useList } from '../shared/use-list.ts';
import { Deliveries } from './Deliveries.tsx';
import { TriggerTabs } from './TriggerTabs.tsx';
import { statusOf, useTriggerActions } from './use-trigger-actions.ts';
import { useWorkflows } from './use-workflows.ts';
import { WebhookDetails } from './WebhookDetails.tsx';
import { ChangeWebhook, CreateWebhook, RotateWebhookSecret, useSchemes } from './WebhookForms.tsx';

type Listed = Row<'workflow_triggers'>;

function Incoming() {
  const mayWrite = useMay('schedule:write');
  const [openId, setOpenId] = useAddressParam('webhook');
  const [rotated, setRotated] = useState<Listed>();
  const [edited, setEdited] = useState<Listed>();
  const { byId } = useWorkflows();
  const schemes = useSchemes();
  const { toggle, remove } = useTriggerActions('webhook');
  const list = useList<Listed>({
    key: ['triggers', 'webhook'],
    page: (cursor, signal) =>
      keysetPage<Listed>(
        supabase
          .from('workflow_triggers')
          .select('*')
          .eq('trigger_type', 'webhook')
          .abortSignal(signal),
        cursor,
        { columns: ['created_at', 'id'] },
      ),
  });
  const columns: Column<Listed>[] = [
    {
      id: 'name',
      header: 'Webhook',
      cell: ({ id, name, signature_scheme }) => (
        <>
          <UnstyledButton onClick={() => setOpenId(id)} c="var(--mantine-color-anchor)">
            {name || id}
          </UnstyledButton>
          <Text size="xs" c="dimmed">
            {schemes?.find((each) => each.name === signature_scheme)?.label ?? signature_scheme}
          </Text>
        </>
      ),
    },
    {
      id: 'workflow',
      header: 'Workflow',
      hideBelow: 'sm',
      cell: ({ workflow_id }) => {
        const workflow = byId.get(workflow_id);
        if (!workflow) return '–';
        return <AppLink to={`/workflows/${workflow.kebab_name}`}>{workflow.name}</AppLink>;
      },
    },
    { id: 'state', header: 'State', cell: (each) => <StatusBadge name={statusOf(each)} /> },
    {
      id: 'fired',
      header: 'Last start',
      hideBelow: 'sm',
      cell: ({ last_fired_at }) => <RelativeTime at={last_fired_at} />,
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'end',
      cell: (each) => (
        <RowMenu
          name={each.name || each.id}
          actions={[
            {
              label: each.is_enabled ? 'Pause' : 'Resume',
              isOffered: mayWrite,
              run: () => toggle(each),
            },
            { label: 'Change', isOffered: mayWrite, run: () => setEdited(each) },
            { label: 'Rotate the secret', isOffered: mayWrite, run: () => setRotated(each) },
            {
              label: 'Delete',
              isDangerous: true,
              isOffered: mayWrite,
              run: () => remove(each),
            },
          ]}
        />
      ),
    },
  ];
  // The address can name a row that is on a later page.
  const named = useAppQuery(
    ['triggers', 'named', openId],
    (signal) =>
      ask(
        supabase
          .from('workflow_triggers')
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
      <ListView
        list={list}
        label="Webhooks"
        columns={columns}
        rowId={({ id }) => id}
        rowProps={({ id }) => ({ 'data-webhook': id })}
        empty={
          <EmptyState title="No webhooks yet">
            A webhook is an address whose signed calls start a workflow.
          </EmptyState>
        }
      />
      {open && <WebhookDetails webhook={open} onClose={() => setOpenId(undefined)} />}
      {edited && <ChangeWebhook webhook={edited} onClose={() => setEdited(undefined)} />}
      {rotated && <RotateWebhookSecret webhook={rotated} onClose={() => setRotated(undefined)} />}
    </>
  );
}

function Outgoing() {
  const mayReadRuns = useMay('run:read');
  return (
    <Stack gap="xl">
      <OutgoingWebhooks />
      {mayReadRuns && (
        <Block title="Messages" text="What outgoing webhooks got, newest first.">
          <Deliveries />
        </Block>
      )}
    </Stack>
  );
}

export default function WebhooksPage() {
  const [direction, setDirection] = useAddressParam('direction');
  const [isCreating, setCreating] = useState(false);
  const isOutgoing = direction === 'outgoing';
  return (
    <>
      <PageHeader
        title="Webhooks"
        help={isOutgoing ? 'guides/outgoing-webhooks' : 'guides/events-and-webhooks'}
        actions={
          !isOutgoing && (
            <IfMay permission="schedule:write">
              <Button
                leftSection={<IconPlus size={16} aria-hidden="true" />}
                onClick={() => setCreating(true)}
              >
                New webhook
              </Button>
            </IfMay>
          )
        }
      >
        Calls of other systems that start runs, and messages to them.
      </PageHeader>
      <TriggerTabs page="/webhooks" />
      <SegmentedControl
        mb="md"
        aria-label="Direction"
        data={[
          { value: 'incoming', label: 'Incoming' },
          { value: 'outgoing', label: 'Outgoing' },
        ]}
        value={isOutgoing ? 'outgoing' : 'incoming'}
        onChange={(next) => setDirection(next === 'outgoing' ? next : undefined)}
      />
      {isOutgoing ? <Outgoing /> : <Incoming />}
      {isCreating && <CreateWebhook onClose={() => setCreating(false)} />}
      <ShownOnce />
    </>
  );
}
