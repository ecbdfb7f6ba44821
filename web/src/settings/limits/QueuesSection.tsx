// Task queues: their concurrency limits in words, and a switch that stops one during an incident; below, the limits of
// workflows.
import { Badge, Button, Group, NumberInput, Select, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useMay } from '../../shared/app.tsx';
import { confirm } from '../../shared/confirm.tsx';
import type { Column } from '../../shared/DataTable.tsx';
import { ENGINES } from '../../shared/engines.ts';
import { ask, useAction, useAppQuery } from '../../shared/query.ts';
import { EmptyState } from '../../shared/states.tsx';
import { type Row, supabase } from '../../shared/supabase.ts';
import { Block, FormModal, RowMenu, Rows } from '../parts.tsx';
import { queueInWords } from './in-words.ts';
import { WorkflowLimits } from './WorkflowLimits.tsx';

type Queue = Row<'task_queues'>;
const CHANGES = [['task_queues'], ['incident_switches'], ['audit_log']] as const;

function QueueForm({ queue, onClose }: { queue: Queue | undefined; onClose(): void }) {
  const [name, setName] = useState(queue?.name ?? '');
  const [description, setDescription] = useState(queue?.description ?? '');
  const [runs, setRuns] = useState<number | string>(
    queue ? (queue.max_concurrent_workflows ?? '') : 100,
  );
  const [steps, setSteps] = useState<number | string>(
    queue ? (queue.max_concurrent_activities ?? '') : 1_000,
  );
  const [engine, setEngine] = useState(queue?.execution_engine ?? 'postgres');
  const save = useAction(
    async () => {
      const values = {
        description,
        execution_engine: engine,
        max_concurrent_workflows: runs === '' ? null : Number(runs),
        max_concurrent_activities: steps === '' ? null : Number(steps),
      };
      const table = supabase.from('task_queues');
      await ask(
        queue
          ? table.update(values).eq('id', queue.id).select('id').single()
          : table
              .insert({ name, ...values })
              .select('id')
              .single(),
      );
    },
    { success: 'The queue is saved.', changes: CHANGES, onSuccess: onClose, isQuiet: true },
  );
  return (
    <FormModal
      title={queue ? `Queue ${queue.name}` : 'New task queue'}
      action="Save queue"
      onClose={onClose}
      onSubmit={() => save.run()}
      isRunning={save.isRunning}
      error={save.error}
    >
      {!queue && (
        <TextInput
          label="Name"
          required
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
      )}
      <TextInput
        label="Description"
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
      <NumberInput
        label="Runs at the same time"
        description="Empty: no limit."
        min={1}
        allowDecimal={false}
        value={runs}
        onChange={setRuns}
      />
      <NumberInput
        label="Steps at the same time"
        description="Empty: no limit."
        min={1}
        allowDecimal={false}
        value={steps}
        onChange={setSteps}
      />
      <Select
        label="Engine"
        description="What executes runs that start from now on, unless their workflow names another one."
        data={ENGINES}
        value={engine}
        onChange={(chosen) => setEngine(chosen ?? 'postgres')}
        allowDeselect={false}
      />
    </FormModal>
  );
}

export default function QueuesSection() {
  const mayWrite = useMay('queue:write');
  const maySwitch = useMay('workflow:publish');
  const [editing, setEditing] = useState<Queue | 'new'>();
  const queues = useAppQuery(['task_queues'], (signal) =>
    ask(supabase.from('task_queues').select('*').order('name').abortSignal(signal)),
  );
  const switches = useAppQuery(['incident_switches'], (signal) =>
    ask(
      supabase
        .from('incident_switches')
        .select('id, task_queue_id, mode, reason')
        .eq('scope', 'task_queue')
        .is('released_at', null)
        .abortSignal(signal),
    ),
  );
  const pause = useAction(
    ({ target, reason }: { target: string; reason: string }) =>
      ask(
        supabase.rpc('set_incident_switch', { scope: 'task_queue', target, reason, mode: 'pause' }),
      ),
    { success: 'The queue is paused.', changes: CHANGES },
  );
  const release = useAction(
    (switch_id: string) => ask(supabase.rpc('release_incident_switch', { switch_id })),
    { success: 'The queue continues.', changes: CHANGES },
  );
  const remove = useAction(
    (id: string) => ask(supabase.from('task_queues').delete().eq('id', id).select('id').single()),
    { success: 'The queue is deleted.', changes: CHANGES },
  );
  async function askToPause({ name }: Queue): Promise<void> {
    const answer = await confirm({
      title: `Pause ${name}?`,
      text: 'New runs wait and no further step starts. Steps in flight finish.',
      action: 'Pause queue',
      reason: 'required',
    });
    if (answer) pause.run({ target: name, reason: answer.reason });
  }
  async function askToDelete({ id, name }: Queue): Promise<void> {
    const answer = await confirm({
      title: `Delete ${name}?`,
      text: 'Only a queue that no workflow uses can be deleted.',
      action: 'Delete',
      isDangerous: true,
    });
    if (answer) remove.run(id);
  }
  const switchOf = ({ id }: Queue) => switches.data?.find((each) => each.task_queue_id === id);
  const columns: Column<Queue>[] = [
    {
      id: 'name',
      header: 'Queue',
      cell: (queue) => (
        <>
          <Group gap="xs">
            <Text size="sm" fw={500}>
              {queue.name}
            </Text>
            {switchOf(queue) && <Badge variant="default">{switchOf(queue)?.mode}</Badge>}
            {queue.execution_engine === 'temporal' && <Badge variant="default">Temporal</Badge>}
          </Group>
          <Text size="xs" c="dimmed">
            {switchOf(queue)?.reason ?? queue.description}
          </Text>
        </>
      ),
    },
    {
      id: 'limits',
      header: 'Limits',
      cell: (queue) => <Text size="sm">{queueInWords(queue)}</Text>,
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'end',
      cell: (queue) => {
        const held = switchOf(queue);
        return (
          <RowMenu
            name={queue.name}
            actions={[
              { label: 'Edit', isOffered: mayWrite, run: () => setEditing(queue) },
              {
                label: 'Pause',
                isOffered: maySwitch && held === undefined,
                run: () => void askToPause(queue),
              },
              {
                label: 'Continue',
                isOffered: maySwitch && held !== undefined,
                run: () => held && release.run(held.id),
              },
              {
                label: 'Delete',
                isDangerous: true,
                isOffered: mayWrite && !queue.is_system_queue,
                run: () => void askToDelete(queue),
              },
            ]}
          />
        );
      },
    },
  ];
  return (
    <>
      <Block
        title="Task queues"
        text="Each workflow belongs to one queue, which limits what runs at the same time."
        actions={mayWrite && <Button onClick={() => setEditing('new')}>New queue</Button>}
      >
        <Rows
          query={queues}
          label="Task queues"
          columns={columns}
          rowId={({ id }) => id}
          empty={
            <EmptyState title="No task queues">Runs share the limits of the workers.</EmptyState>
          }
        />
        {editing && (
          <QueueForm
            queue={editing === 'new' ? undefined : editing}
            onClose={() => setEditing(undefined)}
          />
        )}
      </Block>
      <WorkflowLimits />
    </>
  );
}
