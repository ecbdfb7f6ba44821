// The dialog that makes an event start a workflow.
import { Select, TextInput } from '@mantine/core';
import { useState } from 'react';
import { FormModal } from '../settings/parts.tsx';
import { JsonEditor, parseJson } from '../shared/code/editors.tsx';
import { ask, useAction } from '../shared/query.ts';
import { type Json, supabase } from '../shared/supabase.ts';
import { useWorkflows } from './use-workflows.ts';

/** Events of runs whose trigger has to name the workflow to follow. */
const NEEDS_SOURCE = ['run.completed', 'run.cancelled'];
const MAY_HAVE_SOURCE = [...NEEDS_SOURCE, 'run.failed', 'run.timed_out'];

export function CreateEventTrigger({ onClose }: { onClose(): void }) {
  const { all } = useWorkflows();
  const [workflowId, setWorkflowId] = useState<string | null>(null);
  const [sourceId, setSourceId] = useState<string | null>(null);
  const [name, setName] = useState('');
  const [event, setEvent] = useState('');
  const [filter, setFilter] = useState('');
  const [problem, setProblem] = useState<string>();
  const eventName = event.trim();
  const hasSource = MAY_HAVE_SOURCE.includes(eventName);
  const needsSource = NEEDS_SOURCE.includes(eventName);
  const choices = (all ?? []).map((each) => ({ value: each.id, label: each.name }));
  const create = useAction(
    (given: Json | undefined) =>
      ask(
        supabase
          .from('workflow_triggers')
          .insert({
            workflow_id: workflowId ?? '',
            trigger_type: 'event',
            name,
            event_name: eventName,
            source_workflow_id: hasSource ? sourceId : null,
            ...(given === undefined ? {} : { filter: given }),
          })
          .select('id')
          .single(),
      ),
    {
      success: 'The trigger is created.',
      changes: [['triggers']],
      isQuiet: true,
      onSuccess: onClose,
    },
  );
  function submit(): void {
    let given: Json | undefined;
    try {
      given = filter.trim() === '' ? undefined : parseJson(filter);
    } catch (error) {
      setProblem(`The filter is not JSON: ${(error as Error).message}`);
      return;
    }
    setProblem(undefined);
    create.run(given);
  }
  return (
    <FormModal
      title="New event trigger"
      action="Create trigger"
      onClose={onClose}
      onSubmit={submit}
      isRunning={create.isRunning}
      error={create.error}
      isReady={workflowId !== null && eventName !== '' && (!needsSource || sourceId !== null)}
    >
      <TextInput
        label="Event"
        description="An event of your application, or run.completed, run.failed, run.cancelled or run.timed_out."
        placeholder="order.placed"
        required
        value={event}
        onChange={(change) => setEvent(change.currentTarget.value)}
      />
      {hasSource && (
        <Select
          label="Of the workflow"
          placeholder={needsSource ? 'Choose a workflow' : 'Every other workflow'}
          data={choices.filter(({ value }) => value !== workflowId)}
          value={sourceId}
          onChange={setSourceId}
          searchable
          clearable={!needsSource}
        />
      )}
      <Select
        label="Workflow to start"
        placeholder="Choose a workflow"
        data={choices}
        value={workflowId}
        onChange={setWorkflowId}
        searchable
        allowDeselect={false}
      />
      <TextInput
        label="Name"
        value={name}
        onChange={(change) => setName(change.currentTarget.value)}
      />
      <JsonEditor
        label="Filter"
        description="JSON that the payload must contain. Empty: every payload matches."
        value={filter}
        onChange={setFilter}
        error={problem}
        minHeight={60}
      />
    </FormModal>
  );
}
