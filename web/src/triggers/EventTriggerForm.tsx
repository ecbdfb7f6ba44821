// The dialog that makes an event start a workflow, or that changes such a trigger.
import { Select, TextInput } from '@mantine/core';
import { useState } from 'react';
import { FormModal } from '../settings/parts.tsx';
import { JsonEditor } from '../shared/code/editors.tsx';
import { ask, useAction } from '../shared/query.ts';
import { type Json, type Row, supabase } from '../shared/supabase.ts';
import { objectIn, textOf } from './json-text.ts';
import { useWorkflows } from './use-workflows.ts';

type Trigger = Row<'workflow_triggers'>;

/** Events of runs whose trigger has to name the workflow to follow; it may name one for the others. */
const NEEDS_SOURCE = ['run.completed', 'run.cancelled'];
const MAY_HAVE_SOURCE = [...NEEDS_SOURCE, 'run.failed', 'run.timed_out', 'task.created'];

interface Given {
  filter: Json | null;
  input: Json | null;
}

interface Props {
  /** The trigger to change; without it, a new one is created. */
  trigger?: Trigger;
  onClose(): void;
}

export function EventTriggerForm({ trigger, onClose }: Props) {
  const { all } = useWorkflows();
  const [workflowId, setWorkflowId] = useState(trigger?.workflow_id ?? null);
  const [sourceId, setSourceId] = useState(trigger?.source_workflow_id ?? null);
  const [name, setName] = useState(trigger?.name ?? '');
  const [event, setEvent] = useState(trigger?.event_name ?? '');
  const [filter, setFilter] = useState(textOf(trigger?.filter));
  const [input, setInput] = useState(textOf(trigger?.input));
  const [problems, setProblems] = useState<{ filter?: string; input?: string }>({});
  const eventName = event.trim();
  const hasSource = MAY_HAVE_SOURCE.includes(eventName);
  const needsSource = NEEDS_SOURCE.includes(eventName);
  const choices = (all ?? []).map((each) => ({ value: each.id, label: each.name }));
  const save = useAction(
    (given: Given) => {
      const values = {
        name,
        event_name: eventName,
        source_workflow_id: hasSource ? sourceId : null,
        // Null removes the filter; the generated types do not know nullable JSON.
        filter: given.filter as Json,
        input: given.input ?? {},
      };
      const table = supabase.from('workflow_triggers');
      return ask(
        (trigger
          ? table.update(values).eq('id', trigger.id)
          : table.insert({ ...values, workflow_id: workflowId ?? '', trigger_type: 'event' })
        )
          .select('id')
          .single(),
      );
    },
    {
      success: trigger ? 'The trigger is saved.' : 'The trigger is created.',
      changes: [['triggers']],
      isQuiet: true,
      onSuccess: onClose,
    },
  );
  function submit(): void {
    const [asked, fixed] = [objectIn(filter), objectIn(input)];
    setProblems({
      ...(asked.problem === undefined ? {} : { filter: asked.problem }),
      ...(fixed.problem === undefined ? {} : { input: fixed.problem }),
    });
    if (asked.problem !== undefined || fixed.problem !== undefined) return;
    save.run({ filter: asked.value, input: fixed.value });
  }
  return (
    <FormModal
      title={trigger ? 'Change the event trigger' : 'New event trigger'}
      action={trigger ? 'Save trigger' : 'Create trigger'}
      onClose={onClose}
      onSubmit={submit}
      isRunning={save.isRunning}
      error={save.error}
      isReady={workflowId !== null && eventName !== '' && (!needsSource || sourceId !== null)}
    >
      <TextInput
        label="Event"
        description="An event of your application, or run.completed, run.failed, run.cancelled, run.timed_out or task.created."
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
        disabled={trigger !== undefined}
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
        error={problems.filter}
        minHeight={60}
      />
      <JsonEditor
        label="Input"
        description="A part of the input of each run. The event is added to it."
        value={input}
        onChange={setInput}
        error={problems.input}
        minHeight={60}
      />
    </FormModal>
  );
}
