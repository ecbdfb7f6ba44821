// The workflows that an alert can be: a mail, a message to Slack or Teams, or a signed webhook. The event starts the
// workflow, so its input has `event`. docs/guides/alerts.md has a template for each channel.
import type { Json } from '../shared/supabase.ts';

export type Channel = 'mail' | 'slack' | 'teams' | 'webhook';

export const CHANNELS: readonly { value: Channel; label: string }[] = [
  { value: 'mail', label: 'Mail' },
  { value: 'slack', label: 'Slack (incoming webhook)' },
  { value: 'teams', label: 'Teams (webhook of a Teams workflow)' },
  { value: 'webhook', label: 'Signed webhook' },
];

const TASK = 'task.created';

export const ALERT_EVENTS: readonly { value: string; label: string }[] = [
  { value: 'run.failed', label: 'A run failed' },
  { value: 'run.timed_out', label: 'A run timed out' },
  { value: 'run.failure_rate_high', label: 'Many runs fail' },
  { value: 'run.stuck', label: 'A run is stuck' },
  { value: 'run.deadline_near', label: 'The deadline of a run is near' },
  { value: TASK, label: 'An approval or a task waits for a person' },
  { value: 'queue.age_high', label: 'Runs wait too long in the queue' },
  { value: 'budget.threshold_reached', label: 'A model budget is nearly spent' },
];

export interface Alert {
  event: string;
  channel: Channel;
  /** The address of the mail, or the name of the secret. */
  target: string;
  /** Where a signed webhook goes. */
  url: string;
  /** The address of the application in the web client, for the link to a task. */
  home: string;
}

/** Expressions of JSONata; fields that an event lacks are left out of the text. */
function wordsOf({ event, home }: Alert): { subject: string; text: string; link?: string } {
  if (event === TASK) {
    const text = '{{ input.event.payload.workflow }} waits for: {{ input.event.payload.title }}';
    return { subject: text, text, link: `${home}/tasks/{{ input.event.payload.task_id }}` };
  }
  return {
    subject: '{{ input.event.name }}',
    text: '{{ input.event.name }}: {{ $string(input.event.payload) }}',
  };
}

/** A message with a card: what the template “When a Teams webhook request is received” accepts. */
function teamsMessage(text: string, link: string | undefined): Json {
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        content: {
          type: 'AdaptiveCard',
          version: '1.4',
          body: [{ type: 'TextBlock', text, wrap: true }],
          actions: link === undefined ? [] : [{ type: 'Action.OpenUrl', title: 'Open', url: link }],
        },
      },
    ],
  };
}

export function alertDefinition(alert: Alert): Json {
  const { channel, target, url } = alert;
  const { subject, text, link } = wordsOf(alert);
  const line = link === undefined ? text : `${text}\n${link}`;
  const posted = (body: Json): [string, Json] => [
    'http_request',
    { method: 'POST', url: `{{ secrets.${target} }}`, body },
  ];
  const steps: Record<Channel, () => [string, Json]> = {
    mail: () => ['send_email', { to: target, subject, text: line }],
    slack: () => posted({ text: line }),
    teams: () => posted(teamsMessage(text, link)),
    webhook: () => [
      'webhook',
      { url, secret: `{{ secrets.${target} }}`, payload: '{{ input.event }}' },
    ],
  };
  const [type, config] = steps[channel]();
  return {
    nodes: [{ id: 'send', type, data: { config, retry: { max_attempts: 5 } } }],
    edges: [],
  };
}

/** The name of the workflow of an alert: `alert-run-failed-mail`. */
export const alertName = (event: string, channel: Channel): string =>
  `alert-${event.replaceAll(/[._]/g, '-')}-${channel}`;
