// The log of outgoing webhooks: each message with the answer of its receiver; a message that ended can be sent again.
import { Button, Text } from '@mantine/core';
import { useApp } from '../shared/app.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { ListView } from '../shared/ListView.tsx';
import { ask, useAction } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { keysetPage, useList } from '../shared/use-list.ts';
import { useRunsTopic } from '../shared/use-live.ts';

type Delivery = Omit<Row<'webhook_deliveries'>, 'payload'> & {
  webhook_subscriptions: { url: string } | null;
};

const COLUMNS =
  'id,app_code,subscription_id,component_id,event_type,run_id,status,attempts,max_attempts,next_attempt_at,' +
  'last_attempt_at,duration_ms,response_status,response_body,failure,created_at,completed_at,' +
  'webhook_subscriptions(url)';

export function Deliveries() {
  const { permissions } = useApp();
  const mayRetry = permissions.has('schedule:write') && permissions.has('run:read');
  const list = useList<Delivery>({
    key: ['webhook_deliveries'],
    live: useRunsTopic(),
    page: (cursor, signal) =>
      keysetPage<Delivery>(
        supabase
          .from('webhook_deliveries')
          .select(COLUMNS)
          .not('subscription_id', 'is', null)
          .abortSignal(signal),
        cursor,
        { columns: ['created_at', 'id'] },
      ),
  });
  const retry = useAction(
    (delivery_id: string) => ask(supabase.rpc('retry_delivery', { delivery_id })),
    { success: 'The message is sent again.', changes: [['webhook_deliveries']] },
  );
  const columns: Column<Delivery>[] = [
    {
      id: 'event',
      header: 'Message',
      cell: ({ event_type, webhook_subscriptions }) => (
        <>
          {event_type}
          <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
            {webhook_subscriptions?.url}
          </Text>
        </>
      ),
    },
    {
      id: 'status',
      header: 'Status',
      cell: ({ status, failure, attempts }) => (
        <>
          <StatusBadge name={status} />
          {failure && (
            <Text size="xs" c="dimmed">
              {failure} (attempt {attempts})
            </Text>
          )}
        </>
      ),
    },
    {
      id: 'answer',
      header: 'Answer',
      hideBelow: 'sm',
      cell: ({ response_status }) => response_status ?? '–',
    },
    {
      id: 'at',
      header: 'Time',
      hideBelow: 'sm',
      cell: ({ created_at }) => <RelativeTime at={created_at} />,
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'end',
      cell: ({ id, status, event_type }) =>
        mayRetry &&
        status !== 'pending' && (
          <Button
            size="compact-sm"
            variant="default"
            aria-label={`Send again: ${event_type}`}
            onClick={() => retry.run(id)}
          >
            Send again
          </Button>
        ),
    },
  ];
  return (
    <ListView
      list={list}
      label="Messages"
      columns={columns}
      rowId={({ id }) => id}
      empty={
        <EmptyState title="No messages yet">
          Each message that an outgoing webhook gets is shown here.
        </EmptyState>
      }
    />
  );
}
