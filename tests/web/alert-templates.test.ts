// The workflows of alerts: each is valid, and its message has what the reader needs.

import { describe, expect, it } from 'vitest';
import { checkDefinition } from '../../functions/_shared/checker/index.ts';
import { ALERT_EVENTS, alertDefinition, CHANNELS } from '../../web/src/settings/alert-templates.ts';

const HOME = 'https://workflows.acme.example/#/acme';
const LINK = `${HOME}/tasks/{{ input.event.payload.task_id }}`;

const of = (event: string, channel: (typeof CHANNELS)[number]['value']) =>
  alertDefinition({ event, channel, target: 'hook', url: 'https://pager.example/', home: HOME });

describe.each(CHANNELS.map(({ value }) => value))('%s', (channel) => {
  it.each(ALERT_EVENTS.map(({ value }) => value))('%s is a valid workflow', async (event) => {
    expect(await checkDefinition(of(event, channel))).toEqual([]);
  });
});

it('a message about a task has its link, in a mail, in Slack and in Teams', () => {
  expect(of('task.created', 'mail')).toMatchObject({
    nodes: [{ data: { config: { text: expect.stringContaining(LINK) } } }],
  });
  expect(of('task.created', 'slack')).toMatchObject({
    nodes: [{ data: { config: { body: { text: expect.stringContaining(LINK) } } } }],
  });
  const button = { type: 'Action.OpenUrl', title: 'Open', url: LINK };
  expect(of('task.created', 'teams')).toMatchObject({
    nodes: [{ data: { config: { body: { attachments: [{ content: { actions: [button] } }] } } } }],
  });
  expect(JSON.stringify(of('run.failed', 'teams'))).not.toContain('OpenUrl');
});
