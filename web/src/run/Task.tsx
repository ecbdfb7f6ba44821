// An open task of this run: what is asked, for whom, the decisions so far, and the form that answers it.
import { Group, Stack, Text, Title } from '@mantine/core';
import { AppLink } from '../shared/address.tsx';
import { useApp } from '../shared/app.tsx';
import type { StepRun } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { useDecisions } from '../tasks/Decisions.tsx';
import { Description } from '../tasks/Description.tsx';
import { TaskForm } from '../tasks/TaskForm.tsx';
import { assigneeOf, taskOf } from '../tasks/task.ts';
import { usePeople } from '../tasks/use-people.ts';
import classes from './run.module.css';

export function Task({ task }: { task: StepRun }) {
  const { userId } = useApp();
  const people = usePeople();
  const { title, description, approvalsRequired } = taskOf(task);
  const decisions = useDecisions(task.id).data ?? [];
  const hasDecided = decisions.some(({ user_id }) => user_id === userId);
  return (
    <section className={`${classes.card} ${classes.task}`} aria-label="Task">
      <Stack gap="xs">
        <Group justify="space-between" align="flex-start">
          <div>
            <Title order={2} size="h4">
              {title}
            </Title>
            <Text size="sm" c="dimmed">
              {assigneeOf(task, people)}
              {task.deadline_at && (
                <>
                  , due <RelativeTime at={task.deadline_at} />
                </>
              )}
              {approvalsRequired > 1 && `, ${decisions.length} of ${approvalsRequired} decisions`}
            </Text>
          </div>
          <AppLink to={`/tasks/${task.id}`} size="sm">
            Open the task
          </AppLink>
        </Group>
        <Description text={description} />
        <TaskForm task={task} hasDecided={hasDecided} />
      </Stack>
    </section>
  );
}
