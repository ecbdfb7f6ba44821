// Creates an alert: publishes the workflow that sends the message, and the trigger that starts it for the event.
import { NativeSelect, TextInput } from '@mantine/core';
import { useRef, useState } from 'react';
import { useHref } from '../shared/address.tsx';
import { ask, useAction } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';
import { refuseTaken } from '../workflows/taken.ts';
import {
  ALERT_EVENTS,
  alertDefinition,
  alertName,
  CHANNELS,
  type Channel,
} from './alert-templates.ts';
import { FormModal } from './parts.tsx';

export function CreateAlert({ onClose }: { onClose(): void }) {
  const href = useHref();
  const [event, setEvent] = useState('run.failed');
  const [channel, setChannel] = useState<Channel>('mail');
  const [name, setName] = useState<string>();
  const [target, setTarget] = useState('');
  const [url, setUrl] = useState('');
  const workflow = name ?? alertName(event, channel);
  /** What this form has saved: it may be sent again after a refusal. */
  const saved = useRef<string>(undefined);
  const create = useAction(
    async () => {
      if (saved.current !== workflow) await refuseTaken(workflow);
      const draft = await ask(
        supabase.rpc('save_workflow', {
          kebab_name: workflow,
          definition: alertDefinition({
            event,
            channel,
            target: target.trim(),
            url: url.trim(),
            home: `${location.origin}${location.pathname}${href('')}`,
          }),
          description: `Alert: ${ALERT_EVENTS.find(({ value }) => value === event)?.label}`,
        }),
      );
      saved.current = workflow;
      await ask(supabase.rpc('publish_workflow', { workflow_version_id: draft.id }));
      await ask(
        supabase
          .from('workflow_triggers')
          .insert({
            workflow_id: draft.workflow_id,
            name: workflow,
            trigger_type: 'event',
            event_name: event,
          })
          .select('id')
          .single(),
      );
    },
    {
      success: `The alert ${workflow} is on.`,
      changes: [['workflow_triggers'], ['triggers'], ['workflows'], ['audit_log']],
      onSuccess: onClose,
      isQuiet: true,
    },
  );
  return (
    <FormModal
      title="New alert"
      action="Create alert"
      onClose={onClose}
      onSubmit={() => create.run()}
      isRunning={create.isRunning}
      error={create.error}
    >
      <NativeSelect
        label="When"
        value={event}
        data={[...ALERT_EVENTS]}
        onChange={(change) => setEvent(change.currentTarget.value)}
      />
      <NativeSelect
        label="Send"
        value={channel}
        data={[...CHANNELS]}
        onChange={(change) => setChannel(change.currentTarget.value as Channel)}
      />
      {channel === 'mail' ? (
        <TextInput
          label="To"
          type="email"
          required
          value={target}
          onChange={(change) => setTarget(change.currentTarget.value)}
        />
      ) : (
        <TextInput
          label={channel === 'webhook' ? 'Secret that signs' : 'Secret with the address'}
          required
          pattern="[A-Za-z_][A-Za-z0-9_]*"
          value={target}
          description="The name of a secret of the application."
          onChange={(change) => setTarget(change.currentTarget.value)}
        />
      )}
      {channel === 'webhook' && (
        <TextInput
          label="URL"
          type="url"
          required
          value={url}
          onChange={(change) => setUrl(change.currentTarget.value)}
        />
      )}
      <TextInput
        label="Workflow"
        required
        value={workflow}
        description="The alert is a workflow with this name. Edit it to change the message."
        onChange={(change) => setName(change.currentTarget.value)}
      />
    </FormModal>
  );
}
