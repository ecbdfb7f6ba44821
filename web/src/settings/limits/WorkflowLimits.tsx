// The workflows that have limits of their own, each in words, with a link to the place where they are set.
import { Stack, Text } from '@mantine/core';
import { AppLink } from '../../shared/address.tsx';
import { useMay } from '../../shared/app.tsx';
import type { Column } from '../../shared/DataTable.tsx';
import { ask, useAppQuery } from '../../shared/query.ts';
import { readAll } from '../../shared/read-all.ts';
import { EmptyState } from '../../shared/states.tsx';
import { type Row, supabase } from '../../shared/supabase.ts';
import { Block, Rows } from '../parts.tsx';
import { controlInWords, openRunsInWords } from './in-words.ts';

interface Limited {
  id: string;
  kebab_name: string;
  name: string;
  queue: string | undefined;
  limits: string[];
}

async function readLimits(signal: AbortSignal): Promise<Limited[]> {
  const [workflows, controls, queues] = await Promise.all([
    readAll(
      (from, to) =>
        supabase
          .from('workflows')
          .select('id, kebab_name, name, max_concurrent_executions, task_queue_id')
          .is('deleted_at', null)
          .or('max_concurrent_executions.not.is.null,has_flow_controls.is.true')
          .order('name')
          .order('id')
          .range(from, to)
          .abortSignal(signal),
      ({ id }) => id,
    ),
    readAll<Row<'workflow_flow_controls'>>(
      (from, to) =>
        supabase
          .from('workflow_flow_controls')
          .select('*')
          .order('kind')
          .order('id')
          .range(from, to)
          .abortSignal(signal),
      ({ id }) => id,
    ),
    ask(supabase.from('task_queues').select('id, name').abortSignal(signal)),
  ]);
  return workflows.map(({ id, kebab_name, name, max_concurrent_executions: open, ...rest }) => ({
    id,
    kebab_name,
    name,
    queue: queues.find((queue) => queue.id === rest.task_queue_id)?.name,
    limits: [
      ...(open === null ? [] : [openRunsInWords(open)]),
      ...controls.filter(({ workflow_id }) => workflow_id === id).map(controlInWords),
    ],
  }));
}

const COLUMNS: Column<Limited>[] = [
  {
    id: 'workflow',
    header: 'Workflow',
    cell: ({ kebab_name, name }) => (
      <AppLink to={`/workflows/${kebab_name}/settings`} size="sm" fw={500}>
        {name}
      </AppLink>
    ),
  },
  {
    id: 'queue',
    header: 'Queue',
    hideBelow: 'sm',
    cell: ({ queue }) => queue ?? 'default',
  },
  {
    id: 'limits',
    header: 'Limits',
    cell: ({ limits }) => (
      <Stack gap={2}>
        {limits.map((each) => (
          <Text key={each} size="sm">
            {each}
          </Text>
        ))}
      </Stack>
    ),
  },
];

export function WorkflowLimits() {
  const mayRead = useMay('workflow:read');
  const limits = useAppQuery(['workflows', 'limits'], readLimits, { enabled: mayRead });
  if (!mayRead) return null;
  return (
    <Block
      title="Limits of workflows"
      text="Concurrency, rate limits, debouncing and priorities are settings of a workflow."
    >
      <Rows
        query={limits}
        label="Limits of workflows"
        columns={COLUMNS}
        rowId={({ id }) => id}
        empty={
          <EmptyState title="No workflow has a limit of its own">
            Runs start as the queue and the workers allow.
          </EmptyState>
        }
      />
    </Block>
  );
}
