// What starts the workflow besides people: schedules, events, webhooks and parents, each with a link to its page.
import { Group, List, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { AppLink } from '../../shared/address.tsx';
import { useMay } from '../../shared/app.tsx';
import { ask, useAppQuery } from '../../shared/query.ts';
import { ErrorState, LoadingState } from '../../shared/states.tsx';
import { supabase, type Workflow } from '../../shared/supabase.ts';
import { RelativeTime } from '../../shared/Times.tsx';

const SHOWN = 20;

interface Starter {
  id: string;
  text: ReactNode;
  detail?: ReactNode;
  isOff?: boolean;
}

async function readStarters(workflowId: string, signal: AbortSignal) {
  const [schedules, triggers, parents] = await Promise.all([
    ask(
      supabase
        .from('workflow_schedules')
        .select('id,name,cron_expression,timezone,is_enabled,next_run_at')
        .eq('workflow_id', workflowId)
        .order('next_run_at', { nullsFirst: false })
        .limit(SHOWN)
        .abortSignal(signal),
    ),
    ask(
      supabase
        .from('workflow_triggers')
        .select('id,name,trigger_type,event_name,is_enabled')
        .eq('workflow_id', workflowId)
        .order('trigger_type')
        .limit(SHOWN)
        .abortSignal(signal),
    ),
    ask(
      supabase
        .from('workflow_children')
        .select('id,parent_workflow_id')
        .eq('child_workflow_id', workflowId)
        .limit(SHOWN)
        .abortSignal(signal),
    ),
  ]);
  const ids = [...new Set(parents.map(({ parent_workflow_id }) => parent_workflow_id))];
  const names =
    ids.length === 0
      ? []
      : await ask(
          supabase
            .from('workflows')
            .select('id,kebab_name,name')
            .in('id', ids)
            .is('deleted_at', null)
            .abortSignal(signal),
        );
  return { schedules, triggers, parents: names };
}

export function Starters({ workflow }: { workflow: Workflow }) {
  const maySee = useMay('schedule:read');
  const { data, error, refetch } = useAppQuery(
    ['schedules', 'of-workflow', workflow.id],
    (signal) => readStarters(workflow.id, signal),
    { enabled: maySee },
  );
  if (!maySee) {
    return (
      <Text c="dimmed" size="sm">
        Your role does not list schedules and triggers.
      </Text>
    );
  }
  if (error) return <ErrorState error={error} retry={() => void refetch()} />;
  if (data === undefined) return <LoadingState rows={2} height={24} />;
  const starters: Starter[] = [
    ...data.schedules.map((schedule) => ({
      id: schedule.id,
      text: (
        <AppLink size="sm" to={`/schedules?schedule=${schedule.id}`}>
          {schedule.name || 'Schedule'}
        </AppLink>
      ),
      detail: (
        <>
          <span className="mono">{schedule.cron_expression}</span> {schedule.timezone}
          {schedule.is_enabled && schedule.next_run_at && (
            <>
              , next <RelativeTime at={schedule.next_run_at} />
            </>
          )}
        </>
      ),
      isOff: !schedule.is_enabled,
    })),
    ...data.triggers.map((trigger) => ({
      id: trigger.id,
      text: (
        <AppLink
          size="sm"
          to={trigger.trigger_type === 'webhook' ? `/webhooks?webhook=${trigger.id}` : '/events'}
        >
          {trigger.name || (trigger.trigger_type === 'webhook' ? 'Webhook' : 'Event')}
        </AppLink>
      ),
      detail: trigger.event_name && <span className="mono">{trigger.event_name}</span>,
      isOff: !trigger.is_enabled,
    })),
    ...data.parents.map(({ id, kebab_name, name }) => ({
      id,
      text: (
        <AppLink size="sm" to={`/workflows/${kebab_name}`}>
          {name}
        </AppLink>
      ),
      detail: 'as its parent',
    })),
  ];
  if (starters.length === 0) {
    return (
      <Text c="dimmed" size="sm">
        People and programs only.{' '}
        <AppLink size="sm" to="/schedules">
          Add a schedule or a trigger
        </AppLink>{' '}
        to start it by itself.
      </Text>
    );
  }
  return (
    <List size="sm" listStyleType="none" spacing={6}>
      {starters.map(({ id, text, detail, isOff }) => (
        <List.Item key={id}>
          <Group gap={8}>
            {text}
            <Text span size="sm" c="dimmed">
              {detail}
              {isOff && ' (off)'}
            </Text>
          </Group>
        </List.Item>
      ))}
    </List>
  );
}
