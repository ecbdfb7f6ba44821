// Outgoing webhooks: URLs that get signed messages about the ends of runs and new tasks.
import { Button, Checkbox, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useApp } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { Block, FormModal, RowMenu, Rows } from './parts.tsx';
import { showOnce } from './shown-once.tsx';

type Subscription = Row<'webhook_subscriptions'>;
const CHANGES = [['webhook_subscriptions'], ['audit_log']] as const;
const EVENTS = [
  'run.completed',
  'run.failed',
  'run.cancelled',
  'run.timed_out',
  'run.paused',
  'run.resumed',
  'task.created',
];
const STORE_IT = 'Store the secret at the receiver now. It is shown only once.';

function CreateSubscription({ onClose }: { onClose(): void }) {
  const [url, setUrl] = useState('');
  const [events, setEvents] = useState(['run.failed']);
  const [description, setDescription] = useState('');
  const create = useAction(
    async () =>
      (await ask(
        supabase.rpc('create_webhook_subscription', { url, event_types: events, description }),
      )) as unknown as { secret: string },
    {
      changes: CHANGES,
      isQuiet: true,
      onSuccess: ({ secret }) => {
        onClose();
        showOnce('The signing secret', secret, STORE_IT);
      },
    },
  );
  return (
    <FormModal
      title="New outgoing webhook"
      action="Create webhook"
      onClose={onClose}
      onSubmit={() => create.run()}
      isRunning={create.isRunning}
      error={create.error}
      isReady={events.length > 0}
    >
      <TextInput
        label="URL"
        type="url"
        required
        value={url}
        onChange={(event) => setUrl(event.currentTarget.value)}
      />
      <Checkbox.Group label="Events" value={events} onChange={setEvents}>
        <Stack gap={6} mt={6}>
          {EVENTS.map((each) => (
            <Checkbox key={each} value={each} label={each} size="sm" />
          ))}
        </Stack>
      </Checkbox.Group>
      <TextInput
        label="Description"
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
    </FormModal>
  );
}

export function OutgoingWebhooks() {
  const { permissions } = useApp();
  const mayWrite = permissions.has('schedule:write') && permissions.has('run:read');
  const [isCreating, setCreating] = useState(false);
  const subscriptions = useAppQuery(['webhook_subscriptions'], (signal) =>
    ask(supabase.from('webhook_subscriptions').select('*').order('created_at').abortSignal(signal)),
  );
  const toggle = useAction(
    ({ id, is_enabled }: Subscription) =>
      ask(
        supabase
          .from('webhook_subscriptions')
          .update({ is_enabled: !is_enabled })
          .eq('id', id)
          .select('id')
          .single(),
      ),
    { success: 'The webhook is saved.', changes: CHANGES },
  );
  const rotate = useAction(
    async (subscription_id: string) =>
      (await ask(
        supabase.rpc('rotate_webhook_subscription_secret', {
          subscription_id,
          overlap_seconds: 86_400,
        }),
      )) as unknown as { secret: string },
    {
      changes: CHANGES,
      onSuccess: ({ secret }) => showOnce('The new signing secret', secret, STORE_IT),
    },
  );
  const remove = useAction(
    (id: string) =>
      ask(supabase.from('webhook_subscriptions').delete().eq('id', id).select('id').single()),
    { success: 'The webhook is deleted.', changes: CHANGES },
  );
  async function askToRotate({ id, url }: Subscription): Promise<void> {
    const answer = await confirm({
      title: 'Rotate the signing secret?',
      text: `Messages to ${url} carry a signature by both secrets for a day.`,
      action: 'Rotate secret',
    });
    if (answer) rotate.run(id);
  }
  async function askToDelete({ id, url }: Subscription): Promise<void> {
    const answer = await confirm({
      title: 'Delete the webhook?',
      text: `${url} gets no more messages.`,
      action: 'Delete',
      isDangerous: true,
    });
    if (answer) remove.run(id);
  }
  const columns: Column<Subscription>[] = [
    {
      id: 'url',
      header: 'URL',
      cell: ({ url, description, disabled_reason }) => (
        <>
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            {url}
          </Text>
          <Text size="xs" c="dimmed">
            {disabled_reason ?? description}
          </Text>
        </>
      ),
    },
    {
      id: 'events',
      header: 'Events',
      hideBelow: 'md',
      cell: ({ event_types }) => event_types.join(', '),
    },
    {
      id: 'state',
      header: 'State',
      cell: ({ is_enabled, failing_since }) => {
        if (!is_enabled) return <StatusBadge name="disabled" />;
        return <StatusBadge name={failing_since ? 'failing' : 'active'} />;
      },
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'end',
      cell: (each) => (
        <RowMenu
          name={each.url}
          actions={[
            {
              label: each.is_enabled ? 'Disable' : 'Enable',
              isOffered: mayWrite,
              run: () => toggle.run(each),
            },
            {
              label: 'Rotate the secret',
              isOffered: mayWrite,
              run: () => void askToRotate(each),
            },
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
  return (
    <Block
      title="Outgoing webhooks"
      text="Signed messages about runs and tasks, without a workflow."
      actions={
        mayWrite && (
          <Button variant="default" onClick={() => setCreating(true)}>
            New webhook
          </Button>
        )
      }
    >
      <Rows
        query={subscriptions}
        label="Outgoing webhooks"
        columns={columns}
        rowId={({ id }) => id}
        empty={<EmptyState title="No outgoing webhooks" />}
      />
      {isCreating && <CreateSubscription onClose={() => setCreating(false)} />}
    </Block>
  );
}
