// The work queues of workflows: how many items wait, are taken and have failed; create and delete; the items of each.
import { Anchor, Button, Group, Text } from '@mantine/core';
import { useState } from 'react';
import { Block, RowMenu, Rows } from '../settings/parts.tsx';
import { AppLink, useAddressParam } from '../shared/address.tsx';
import { useMay } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { count } from '../shared/format.ts';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { EmptyState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { CreateWorkQueue } from './CreateWorkQueue.tsx';
import { WorkflowFilter } from './WorkflowFilter.tsx';
import { WorkQueueItems } from './WorkQueueItems.tsx';

export interface WorkQueue {
  id: string;
  queue_name: string;
  description: string;
  ordering: string;
  max_size: number | null;
  workflow: { name: string; kebab_name: string };
  queued: { count: number }[];
  taken: { count: number }[];
  failed: { count: number }[];
}

const KEY = ['work-queues'] as const;
const REFRESH_MS = 10_000;
const MOST = 200;
const ITEMS = 'work_queue_items!item_queue_is_of_same_app(count)';
const COLUMNS =
  'id,queue_name,description,ordering,max_size,' +
  'workflow:workflows!work_queue_workflow_is_of_same_app!inner(name,kebab_name),' +
  `queued:${ITEMS},taken:${ITEMS},failed:${ITEMS}`;

async function read(workflow: string | undefined, signal: AbortSignal): Promise<WorkQueue[]> {
  const query = supabase
    .from('work_queues')
    .select(COLUMNS)
    .eq('queued.status', 'queued')
    .eq('taken.status', 'taken')
    .eq('failed.status', 'failed');
  const found = workflow === undefined ? query : query.eq('workflow.kebab_name', workflow);
  return (await ask(
    found.order('queue_name').order('id').limit(MOST).abortSignal(signal),
  )) as unknown as WorkQueue[];
}

const numberOf = (counts: readonly { count: number }[]): number => counts[0]?.count ?? 0;

export function WorkQueues() {
  const mayWrite = useMay('queue:write');
  const [open, setOpen] = useAddressParam('work-queue');
  const [isCreating, setCreating] = useState(false);
  const [workflow] = useAddressParam('workflow');
  const queues = useAppQuery([...KEY, workflow], (signal) => read(workflow, signal), {
    refetchInterval: REFRESH_MS,
  });
  const remove = useAction(
    (id: string) => ask(supabase.from('work_queues').delete().eq('id', id).select('id').single()),
    { success: 'The work queue is deleted.', changes: [KEY] },
  );
  async function askToDelete({ id, queue_name, queued }: WorkQueue): Promise<void> {
    const waiting = numberOf(queued);
    const answer = await confirm({
      title: `Delete ${queue_name}?`,
      text:
        waiting === 0
          ? 'Its items are deleted, too. Steps that use the queue fail.'
          : `Its items are deleted, too, also the ${count(waiting)} that wait. Steps that use the queue fail.`,
      action: 'Delete work queue',
      isDangerous: true,
    });
    if (answer) remove.run(id);
  }
  const columns: Column<WorkQueue>[] = [
    {
      id: 'queue',
      header: 'Work queue',
      cell: ({ id, queue_name, description }) => (
        <>
          <Anchor component="button" type="button" size="sm" fw={600} onClick={() => setOpen(id)}>
            {queue_name}
          </Anchor>
          <Text size="xs" c="dimmed">
            {description}
          </Text>
        </>
      ),
    },
    {
      id: 'workflow',
      header: 'Workflow',
      hideBelow: 'sm',
      cell: ({ workflow }) => (
        <AppLink to={`/workflows/${workflow.kebab_name}`} size="sm">
          {workflow.name}
        </AppLink>
      ),
    },
    { id: 'order', header: 'Order', hideBelow: 'md', cell: ({ ordering }) => ordering },
    {
      id: 'waiting',
      header: 'Waiting',
      align: 'end',
      cell: ({ queued, max_size }) => (
        <>
          {count(numberOf(queued))}
          {max_size !== null && (
            <Text span size="xs" c="dimmed">
              {' '}
              of {count(max_size)}
            </Text>
          )}
        </>
      ),
    },
    {
      id: 'taken',
      header: 'Taken',
      align: 'end',
      hideBelow: 'sm',
      cell: ({ taken }) => count(numberOf(taken)),
    },
    {
      id: 'failed',
      header: 'Failed',
      align: 'end',
      cell: ({ failed }) => {
        const number = numberOf(failed);
        return number === 0 ? (
          count(0)
        ) : (
          <Text span size="sm" c="var(--sb-danger)">
            {count(number)}
          </Text>
        );
      },
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'end',
      cell: (queue) => (
        <RowMenu
          name={queue.queue_name}
          actions={[
            { label: 'Show the items', run: () => setOpen(queue.id) },
            {
              label: 'Delete',
              isDangerous: true,
              isOffered: mayWrite,
              run: () => void askToDelete(queue),
            },
          ]}
        />
      ),
    },
  ];
  const opened = queues.data?.find(({ id }) => id === open);
  return (
    <Block
      title="Work queues"
      text="Lists of items that runs push and pop."
      actions={
        <Group gap="sm">
          <WorkflowFilter />
          {mayWrite && (
            <Button variant="default" onClick={() => setCreating(true)}>
              New work queue
            </Button>
          )}
        </Group>
      }
    >
      <Rows
        query={queues}
        label="Work queues"
        columns={columns}
        rowId={({ id }) => id}
        rowProps={({ queue_name }) => ({ 'data-work-queue': queue_name })}
        empty={
          <EmptyState
            title={workflow === undefined ? 'No work queues' : 'The workflow has no work queues'}
          >
            Steps of the types “Push to work queue” and “Pop from work queue” use them.
          </EmptyState>
        }
      />
      {queues.data?.length === MOST && (
        <Text size="sm" c="dimmed" mt="sm">
          The first {MOST} work queues are shown. Choose a workflow to see its queues.
        </Text>
      )}
      {opened && <WorkQueueItems queue={opened} onClose={() => setOpen(undefined)} />}
      {isCreating && <CreateWorkQueue onClose={() => setCreating(false)} />}
    </Block>
  );
}
