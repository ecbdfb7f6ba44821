// What needs a person: tasks for them, workflows that fail, and runs that stand still.
import { SimpleGrid, Text } from '@mantine/core';
import { AppLink } from '../shared/address.tsx';
import { useApp, useMay } from '../shared/app.tsx';
import { count } from '../shared/format.ts';
import { useAppQuery } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { rpcPage } from '../shared/use-list.ts';
import type { ListedWorkflow } from '../workflows/listed.ts';
import { AttentionCard } from './AttentionCard.tsx';
import type { Overview } from './use-overview.ts';

const SHOWN = 5;

/** Open tasks that the person may complete: assigned to them, to their role, or to everyone. */
function useMyTasks() {
  const { userId, role } = useApp();
  const isMine = [
    `assigned_to.eq.${userId}`,
    `claimed_by.eq.${userId}`,
    `assigned_users.cs.{${userId}}`,
    `assigned_roles.cs.{${role}}`,
    'and(assigned_to.is.null,assigned_users.is.null,assigned_roles.is.null)',
  ].join(',');
  return useAppQuery(
    ['tasks', 'mine', 'first'],
    async (signal) => {
      const answer = await supabase
        .from('step_runs')
        .select('id,step_id,task,created_at,deadline_at', { count: 'exact' })
        .eq('status', 'waiting')
        .eq('wait_kind', 'task')
        .or(isMine)
        .order('created_at')
        .limit(SHOWN)
        .abortSignal(signal);
      if (answer.error) throw answer.error;
      return { total: answer.count ?? 0, rows: answer.data };
    },
    { refetchInterval: 30_000 },
  );
}

function MyTasks() {
  const { data, error, refetch } = useMyTasks();
  return (
    <AttentionCard
      title="Waiting for me"
      total={data?.total ?? 0}
      error={error}
      retry={() => void refetch()}
      none="No open task is yours."
      action={
        <AppLink size="sm" to="/tasks">
          All tasks
        </AppLink>
      }
      items={data?.rows.map(({ id, step_id, task, created_at, deadline_at }) => ({
        id,
        text: (
          <AppLink size="sm" to={`/tasks/${id}`}>
            {(task as { title?: string } | null)?.title ?? step_id}
          </AppLink>
        ),
        detail: deadline_at ? (
          <>
            due <RelativeTime at={deadline_at} />
          </>
        ) : (
          <RelativeTime at={created_at} />
        ),
      }))}
    />
  );
}

function Failing() {
  const { data, error, refetch } = useAppQuery(
    ['workflows', 'failing'],
    async (signal) => {
      const { items } = await rpcPage<ListedWorkflow>(
        supabase
          .rpc('list_workflows', { sort: '-failed_runs', page_size: SHOWN })
          .abortSignal(signal),
      );
      return items.filter(({ failed_runs = 0 }) => failed_runs > 0);
    },
    { refetchInterval: 60_000 },
  );
  return (
    <AttentionCard
      title="Failing today"
      total={0}
      error={error}
      retry={() => void refetch()}
      none="No run failed in the last 24 hours."
      action={
        <AppLink size="sm" to="/insight/failures">
          All failures
        </AppLink>
      }
      items={data?.map(({ id, kebab_name, name, failed_runs = 0 }) => ({
        id,
        text: (
          <AppLink size="sm" to={`/workflows/${kebab_name}`}>
            {name}
          </AppLink>
        ),
        detail: (
          <AppLink
            size="sm"
            to={`/runs?workflow=${kebab_name}&status=failed`}
            c="var(--sb-danger)"
            aria-label={`${failed_runs} failed runs of ${name}`}
          >
            {count(failed_runs)} failed
          </AppLink>
        ),
      }))}
    />
  );
}

function Stuck({ overview, error, retry }: Props) {
  const waiting = overview?.waiting_runs;
  const items = overview?.stuck_runs.slice(0, SHOWN).map(({ run_id, workflow, step, minutes }) => ({
    id: run_id,
    text: (
      <AppLink size="sm" to={`/runs/${run_id}`}>
        {workflow}
        {step ? `, ${step}` : ''}
      </AppLink>
    ),
    detail: `${count(minutes)} min without a change`,
  }));
  return (
    <AttentionCard
      title="Standing still"
      total={overview?.stuck_runs.length ?? 0}
      error={error}
      retry={retry}
      none={
        waiting && waiting.runs > 0
          ? `No run is stuck. ${count(waiting.runs)} wait for a free slot.`
          : 'Every open run makes progress or waits for something it names.'
      }
      action={
        <AppLink size="sm" to="/insight/workers">
          Workers
        </AppLink>
      }
      items={items}
    />
  );
}

interface Props {
  overview: Overview | undefined;
  error: unknown;
  retry(): void;
}

export function Attention(props: Props) {
  const mayReadRuns = useMay('run:read');
  const mayReadWorkflows = useMay('workflow:read');
  return (
    <>
      <SimpleGrid cols={{ base: 1, md: 2, lg: 3 }}>
        <MyTasks />
        {mayReadRuns && mayReadWorkflows && <Failing />}
        {mayReadRuns && <Stuck {...props} />}
      </SimpleGrid>
      {!mayReadRuns && (
        <Text size="sm" c="dimmed">
          Your role does not read runs. It shows the tasks that are assigned to you.
        </Text>
      )}
    </>
  );
}
