// The dialog that creates a work queue of a workflow.
import { Checkbox, NativeSelect, NumberInput, Select, TextInput } from '@mantine/core';
import { useState } from 'react';
import { FormModal } from '../settings/parts.tsx';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';
import { useWorkflows } from '../triggers/use-workflows.ts';

export function CreateWorkQueue({ onClose }: { onClose(): void }) {
  const { all } = useWorkflows();
  const [workflow, setWorkflow] = useState<string | null>(null);
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const [ordering, setOrdering] = useState('fifo');
  const [size, setSize] = useState<number | string>('');
  const [isDistinct, setDistinct] = useState(false);
  const orderings = useAppQuery(
    ['work_queue_orderings'],
    (signal) =>
      ask(
        supabase
          .from('work_queue_orderings')
          .select('name,label')
          .order('ordinal')
          .abortSignal(signal),
      ),
    { staleTime: Number.POSITIVE_INFINITY },
  );
  const create = useAction(
    () =>
      ask(
        supabase
          .from('work_queues')
          .insert({
            workflow_id: workflow ?? '',
            queue_name: name.trim(),
            description,
            ordering,
            max_size: size === '' ? null : Number(size),
            deduplicate: isDistinct,
            // The names that the database gives, too: the generated types ask for them.
            signal_name: `${name.trim()}_push`,
            query_name: `${name.trim()}_state`,
          })
          .select('id')
          .single(),
      ),
    {
      success: 'The work queue is created.',
      changes: [['work-queues']],
      isQuiet: true,
      onSuccess: onClose,
    },
  );
  return (
    <FormModal
      title="New work queue"
      action="Create work queue"
      onClose={onClose}
      onSubmit={() => create.run()}
      isRunning={create.isRunning}
      error={create.error}
      isReady={workflow !== null && name.trim() !== ''}
    >
      <Select
        label="Workflow"
        description="Runs of other workflows name the queue as workflow/queue."
        placeholder="Choose a workflow"
        data={(all ?? []).map((each) => ({ value: each.id, label: each.name }))}
        value={workflow}
        onChange={setWorkflow}
        searchable
        allowDeselect={false}
      />
      <TextInput
        label="Name"
        description="A letter, then letters, digits and . _ -"
        required
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <TextInput
        label="Description"
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
      <NativeSelect
        label="Order"
        value={ordering}
        data={(orderings.data ?? []).map((each) => ({ value: each.name, label: each.label }))}
        onChange={(event) => setOrdering(event.currentTarget.value)}
      />
      <NumberInput
        label="Items that may wait"
        description="Empty: no limit. A push into a full queue fails."
        min={1}
        allowDecimal={false}
        value={size}
        onChange={setSize}
      />
      <Checkbox
        label="Add no item that equals a waiting one"
        checked={isDistinct}
        onChange={(event) => setDistinct(event.currentTarget.checked)}
      />
    </FormModal>
  );
}
