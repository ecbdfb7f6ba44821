// The workflows that an alert can be: a mail, a message to Slack, or a signed webhook. The event starts the workflow, so
// its input has `event`. The templates of docs/guides/alerts.md are the same.
import type { Json } from '../shared/supabase.ts';

export type Channel = 'mail' | 'slack' | 'webhook';

export const CHANNELS: readonly { value: Channel; label: string }[] = [
  { value: 'mail', label: 'Mail' },
  { value: 'slack', label: 'Slack (incoming webhook)' },
  { value: 'webhook', label: 'Signed webhook' },
];

export const ALERT_EVENTS: readonly { value: string; label: string }[] = [
  { value: 'run.failed', label: 'A run failed' },
  { value: 'run.timed_out', label: 'A run timed out' },
  { value: 'run.failure_rate_high', label: 'Many runs fail' },
  { value: 'run.stuck', label: 'A run is stuck' },
  { value: 'run.deadline_near', label: 'The deadline of a run is near' },
  { value: 'queue.age_high', label: 'Runs wait too long in the queue' },
  { value: 'budget.threshold_reached', label: 'A model budget is nearly spent' },
];

/** Expressions of JSONata; fields that an event lacks are left out of the text. */
const SUBJECT = '{{ input.event.name }}';
const TEXT = '{{ input.event.name }}: {{ $string(input.event.payload) }}';

/** `target`: the address of the mail, or the name of the secret. `url`: where a signed webhook goes. */
export function alertDefinition(channel: Channel, target: string, url: string): Json {
  const [type, config]: [string, Json] =
    channel === 'mail'
      ? ['send_email', { to: target, subject: SUBJECT, text: TEXT }]
      : channel === 'slack'
        ? ['http_request', { method: 'POST', url: `{{ secrets.${target} }}`, body: { text: TEXT } }]
        : ['webhook', { url, secret: `{{ secrets.${target} }}`, payload: '{{ input.event }}' }];
  return {
    nodes: [{ id: 'send', type, data: { config, retry: { max_attempts: 5 } } }],
    edges: [],
  };
}

/** The name of the workflow of an alert: `alert-run-failed-mail`. */
export const alertName = (event: string, channel: Channel): string =>
  `alert-${event.replaceAll(/[._]/g, '-')}-${channel}`;
