// A webhook in a drawer: its address, a signed call to copy, and its latest calls with verdict, content and replay.
import { Button, Code, CopyButton, Group, Stack, Text, Title } from '@mantine/core';
import { useState } from 'react';
import { AppLink } from '../shared/address.tsx';
import { useApp } from '../shared/app.tsx';
import { Drawer } from '../shared/dialogs.tsx';
import { words } from '../shared/format.ts';
import { JsonView } from '../shared/JsonView.tsx';
import { ask, useAction } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { httpApiUrl, type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { keysetPage, useList } from '../shared/use-list.ts';
import { useRunsTopic } from '../shared/use-live.ts';
import { messageOf } from './ScheduleDetails.tsx';
import { signedCall } from './signed-call.ts';

type Call = Row<'webhook_calls'>;

const VERDICTS: Readonly<Record<string, string>> = {
  started: 'Started a run',
  duplicate: 'Delivered before',
  handshake: 'Address checked',
  refused: 'Started no run',
  bad_signature: 'Signature not valid',
};

export const addressOf = (id: string): string => `${httpApiUrl}/hooks/${id}`;

function Copy({ value, label }: { value: string; label: string }) {
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <Button size="compact-sm" variant="default" onClick={copy}>
          {copied ? 'Copied' : label}
        </Button>
      )}
    </CopyButton>
  );
}

function CallItem({ call }: { call: Call }) {
  const { permissions } = useApp();
  const [isOpen, setOpen] = useState(false);
  const replay = useAction(() => ask(supabase.rpc('replay_webhook_call', { call_id: call.id })), {
    success: ({ verdict, error }) =>
      verdict === 'started' ? 'The replay started a run.' : `No run started: ${messageOf(error)}`,
    changes: [['triggers'], ['runs']],
  });
  const { verdict, run_id, error, input, call_id, replay_of } = call;
  const mayReplay =
    input !== null && permissions.has('schedule:write') && permissions.has('run:read');
  return (
    <Stack gap={4} component="li" data-verdict={verdict}>
      <Group justify="space-between" gap="sm">
        <Group gap="sm">
          <StatusBadge name={verdict} label={VERDICTS[verdict] ?? words(verdict)} />
          <Text size="sm" c="dimmed">
            <RelativeTime at={call.created_at} />
            {replay_of && ', replay'}
          </Text>
          {run_id && (
            <AppLink to={`/runs/${run_id}`} size="sm">
              Open the run
            </AppLink>
          )}
        </Group>
        <Group gap="xs">
          {input !== null && (
            <Button
              size="compact-sm"
              variant="default"
              aria-expanded={isOpen}
              onClick={() => setOpen(!isOpen)}
            >
              {isOpen ? 'Hide content' : 'Show content'}
            </Button>
          )}
          {mayReplay && (
            <Button
              size="compact-sm"
              variant="default"
              loading={replay.isRunning}
              onClick={() => replay.run()}
            >
              Replay
            </Button>
          )}
        </Group>
      </Group>
      {error && <Text size="sm">{messageOf(error)}</Text>}
      {isOpen && (
        <>
          {call_id && (
            <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
              {call_id}
            </Text>
          )}
          <JsonView value={input} label="Content of the call" maxHeight={320} />
        </>
      )}
    </Stack>
  );
}

function Calls({ webhookId }: { webhookId: string }) {
  const list = useList<Call>({
    key: ['triggers', webhookId, 'calls'],
    live: useRunsTopic(),
    page: (cursor, signal) =>
      keysetPage<Call>(
        supabase.from('webhook_calls').select('*').eq('trigger_id', webhookId).abortSignal(signal),
        cursor,
        { columns: ['created_at', 'id'], size: 20 },
      ),
  });
  const { rows, error, hasMore, isReadingMore } = list;
  return (
    <Stack gap="sm" component="section">
      <Group justify="space-between">
        <Title order={3} size="h5">
          Latest calls
        </Title>
        <Button size="compact-sm" variant="default" onClick={list.refresh}>
          Refresh
        </Button>
      </Group>
      {error && <ErrorState error={error} retry={list.refresh} />}
      {rows === undefined && !error && <LoadingState rows={3} />}
      {rows?.length === 0 && (
        <EmptyState title="No calls yet">Send one with the command above.</EmptyState>
      )}
      {rows && rows.length > 0 && (
        <Stack component="ul" gap="md" m={0} p={0} style={{ listStyle: 'none' }}>
          {rows.map((call) => (
            <CallItem key={call.id} call={call} />
          ))}
        </Stack>
      )}
      {hasMore && (
        <Button variant="default" loading={isReadingMore} onClick={list.more}>
          Show older calls
        </Button>
      )}
    </Stack>
  );
}

interface Props {
  webhook: Row<'workflow_triggers'>;
  onClose(): void;
}

export function WebhookDetails({ webhook, onClose }: Props) {
  const address = addressOf(webhook.id);
  const script = signedCall(webhook.signature_scheme ?? '', address);
  const { permissions } = useApp();
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size="xl"
      title={webhook.name || 'Webhook'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack gap="xl">
        <Stack gap="xs" component="section">
          <Group justify="space-between">
            <Title order={3} size="h5">
              Address
            </Title>
            <Copy value={address} label="Copy address" />
          </Group>
          <Code block style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}>
            {address}
          </Code>
        </Stack>
        {script && (
          <Stack gap="xs" component="section">
            <Group justify="space-between">
              <Title order={3} size="h5">
                Signed call
              </Title>
              <Copy value={script} label="Copy command" />
            </Group>
            <Text size="sm" c="dimmed">
              Put the secret into the first line.
            </Text>
            <Code
              block
              tabIndex={0}
              aria-label="Signed call"
              style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}
            >
              {script}
            </Code>
          </Stack>
        )}
        {permissions.has('run:read') && <Calls webhookId={webhook.id} />}
      </Stack>
    </Drawer>
  );
}
