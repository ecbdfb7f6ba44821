// An open task of this run: an approval to decide, or an answer to give by the form of its schema or as JSON. Buttons are
// for those who may complete it; a person can claim it.
import { Button, Group, Stack, Text, TextInput, Title } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { exampleOf } from '../../../functions/_shared/expressions/schema-example.ts';
import { useApp } from '../shared/app.tsx';
import { JsonEditor, parseJson } from '../shared/code/editors.tsx';
import { isFormable, SchemaForm } from '../shared/form/SchemaForm.tsx';
import { ask, useAction } from '../shared/query.ts';
import { ErrorState } from '../shared/states.tsx';
import type { Json, StepRun } from '../shared/supabase.ts';
import { supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { usePerson } from './people.ts';
import classes from './run.module.css';

interface TaskText {
  title?: string;
  description?: string;
  approvals_required?: number;
  form?: Json;
}

const CHANGES = [['open-tasks'], ['tasks']] as const;

/** Whether the task is for this person. The server decides; this hides what it would refuse. */
function useIsMine(task: StepRun): boolean {
  const { userId, role, permissions } = useApp();
  if (!permissions.has('task:complete')) return false;
  const { assigned_to, assigned_users, assigned_roles } = task;
  if (assigned_to === null && !assigned_users?.length && !assigned_roles?.length) return true;
  return (
    assigned_to === userId ||
    assigned_users?.includes(userId) === true ||
    assigned_roles?.includes(role) === true
  );
}

function For({ task }: { task: StepRun }) {
  const person = usePerson(task.assigned_to);
  const claimed = usePerson(task.claimed_by);
  const roles = task.assigned_roles?.join(', ');
  return (
    <Text size="sm" c="dimmed">
      {person ? `For ${person}` : roles ? `For the role ${roles}` : 'For every member'}
      {claimed ? `, claimed by ${claimed}` : ''}
      {task.deadline_at && (
        <>
          , due <RelativeTime at={task.deadline_at} />
        </>
      )}
    </Text>
  );
}

export function Task({ task }: { task: StepRun }) {
  const {
    title,
    description,
    approvals_required = 1,
    form: fields,
  } = (task.task ?? {}) as TaskText;
  const isApproval = task.step_type === 'wait_for_approval';
  const isMine = useIsMine(task);
  const isForm = !isApproval && isFormable(fields);
  const [text, setText] = useState(isApproval ? '' : JSON.stringify(exampleOf(fields) ?? {}));
  const [value, setValue] = useState<Json>((exampleOf(fields) as Json | undefined) ?? {});
  const [problem, setProblem] = useState<string>();
  const finish = useAction(
    async (answer: { approved: boolean } | { output: Json }) => {
      const id = { step_run_id: task.id };
      const done =
        'approved' in answer
          ? await ask(
              supabase.rpc('decide_approval', {
                ...id,
                ...answer,
                ...(text ? { comment: text } : {}),
              }),
            )
          : await ask(supabase.rpc('complete_task', { ...id, ...answer }));
      return done as unknown as StepRun;
    },
    { changes: CHANGES, isQuiet: true },
  );
  const claim = useAction(
    async () =>
      ask(
        supabase.rpc(task.claimed_by === null ? 'claim_task' : 'release_task', {
          step_run_id: task.id,
        }),
      ),
    { changes: CHANGES },
  );
  const [isCounted, setCounted] = useState(false);
  const isBusy = finish.isRunning || claim.isRunning;

  function send(answer: { approved: boolean } | { output: Json }): void {
    void finish.runAsync(answer).then(
      (step) => setCounted(step.status === 'waiting'),
      () => undefined,
    );
  }

  function complete(event?: FormEvent): void {
    event?.preventDefault();
    setProblem(undefined);
    try {
      send({ output: parseJson(text) });
    } catch (error) {
      setProblem(`This is not JSON: ${(error as Error).message}`);
    }
  }

  const claimButton = approvals_required === 1 && (
    <Button variant="default" disabled={isBusy} onClick={() => claim.run()}>
      {task.claimed_by === null ? 'Claim' : 'Release'}
    </Button>
  );
  return (
    <section className={`${classes.card} ${classes.task}`} aria-label="Task">
      <Stack gap="xs">
        <div>
          <Title order={2} size="h4">
            {title ?? task.step_id}
          </Title>
          <For task={task} />
        </div>
        {description && <Text style={{ whiteSpace: 'pre-wrap' }}>{description}</Text>}
        {isMine && isApproval && (
          <Group align="flex-end" gap="xs">
            <TextInput
              label="Comment"
              value={text}
              style={{ flex: '1 1 16rem' }}
              onChange={(event) => setText(event.currentTarget.value)}
            />
            {claimButton}
            <Button color="red.8" disabled={isBusy} onClick={() => send({ approved: false })}>
              Reject
            </Button>
            <Button disabled={isBusy} onClick={() => send({ approved: true })}>
              Approve
            </Button>
          </Group>
        )}
        {isMine && isForm && fields !== undefined && (
          <SchemaForm
            schema={fields}
            value={value}
            onChange={setValue}
            onSubmit={(output) => send({ output })}
            idPrefix={`task-${task.id}`}
          >
            <Group gap="xs" mt="sm">
              {claimButton}
              <Button type="submit" disabled={isBusy}>
                Complete
              </Button>
            </Group>
          </SchemaForm>
        )}
        {isMine && !isApproval && !isForm && (
          <form onSubmit={complete}>
            <JsonEditor
              label="Answer (JSON)"
              value={text}
              onChange={setText}
              minHeight={80}
              {...(problem ? { error: problem } : {})}
            />
            <Group gap="xs" mt="sm">
              {claimButton}
              <Button type="submit" disabled={isBusy}>
                Complete
              </Button>
            </Group>
          </form>
        )}
        {isCounted && <Text role="status">Your decision counts. Others must decide, too.</Text>}
        {finish.error && <ErrorState error={finish.error} />}
      </Stack>
    </section>
  );
}
