// One task: what is asked, who asked and why, what was decided so far, the answer, and the discussion. On a phone the
// answer comes right after the question.
import { Card, Grid, Group, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { AppLink, useGo, usePathParam } from '../shared/address.tsx';
import { useApp } from '../shared/app.tsx';
import { words } from '../shared/format.ts';
import { JsonView } from '../shared/JsonView.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { runTopic, useLiveKeys } from '../shared/use-live.ts';
import { Background } from './Background.tsx';
import { Comments } from './Comments.tsx';
import { Decisions, useDecisions } from './Decisions.tsx';
import { Delegate } from './Delegate.tsx';
import { Description } from './Description.tsx';
import { TaskFacts } from './TaskFacts.tsx';
import { TaskForm } from './TaskForm.tsx';
import { mayAct, taskOf } from './task.ts';

function useTask(id: string) {
  const query = useAppQuery(['tasks', 'one', id], (signal) =>
    ask(
      supabase
        .from('step_runs')
        .select('*')
        .eq('id', id)
        .in('step_type', ['user_task', 'wait_for_approval'])
        .abortSignal(signal)
        .single(),
    ),
  );
  const runId = query.data?.run_id;
  useLiveKeys(runId === undefined ? undefined : runTopic(runId), [
    ['tasks', 'one', id],
    ['tasks', 'decisions', id],
    ['tasks', 'comments', id],
  ]);
  return query;
}

/** What the person sees after the answer, and where to go next. */
function Done({ runId, isWaiting }: { runId: string; isWaiting: boolean }) {
  return (
    <Stack gap="xs" role="status">
      <Text fw={600}>{isWaiting ? 'Your decision counts.' : 'Done. The run continues.'}</Text>
      {isWaiting && <Text c="dimmed">Others must decide, too, before the run continues.</Text>}
      <Group gap="md">
        <AppLink to="/tasks">Next task</AppLink>
        <AppLink to={`/runs/${runId}`}>Watch the run</AppLink>
      </Group>
    </Stack>
  );
}

/** Another task begins without the answer and the text of the one before. */
export default function TaskPage() {
  const id = usePathParam('taskId');
  return <TaskOf key={id} id={id} />;
}

function TaskOf({ id }: { id: string }) {
  const app = useApp();
  const go = useGo();
  const { data: task, error, refetch } = useTask(id);
  const decisions = useDecisions(id);
  const [result, setResult] = useState<{ isWaiting: boolean }>();
  const back = { to: '/tasks', label: 'Tasks' };
  if (task === undefined) {
    return (
      <>
        <PageHeader title="Task" help="guides/approvals-and-tasks" back={back} />
        {error ? (
          <ErrorState
            error={error}
            retry={() => void refetch()}
            texts={{
              not_found: 'There is no such task in this application, or you may not see it.',
            }}
          />
        ) : (
          <LoadingState />
        )}
      </>
    );
  }
  const facts = taskOf(task);
  const own = decisions.data?.some(({ user_id }) => user_id === app.userId) ?? false;
  return (
    <>
      <PageHeader
        title={facts.title}
        help="guides/approvals-and-tasks"
        back={back}
        actions={
          facts.isOpen && mayAct(task, app) ? (
            <Delegate task={task} onDone={() => go('/tasks')} />
          ) : undefined
        }
      >
        <Group gap="md">
          <StatusBadge
            name={task.status}
            label={
              task.handle
                ? words(task.handle)
                : facts.isOpen
                  ? 'Waits for an answer'
                  : words(task.status)
            }
          />
          <Text c="dimmed">{facts.isApproval ? 'Approval' : 'Form'}</Text>
        </Group>
      </PageHeader>
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 7 }}>
          <Stack gap="md">
            <Card withBorder bg="var(--sb-surface)">
              <Stack gap="md">
                <Description text={facts.description} />
                {result ? (
                  <Done runId={task.run_id} isWaiting={result.isWaiting} />
                ) : (
                  <TaskForm key={task.id} task={task} hasDecided={own} onDone={setResult} />
                )}
                {!facts.isOpen && task.output !== null && !facts.isApproval && (
                  <JsonView label="Answer" value={task.output} />
                )}
              </Stack>
            </Card>
            {facts.isApproval && <Decisions task={task} query={decisions} />}
            <Comments task={task} />
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Stack gap="md">
            <TaskFacts task={task} />
            <Background task={task} />
          </Stack>
        </Grid.Col>
      </Grid>
    </>
  );
}
