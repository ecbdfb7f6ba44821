// How a person answers an open task: `<TaskForm task={row} onDone={…} />`, for the task page and the page of a run. An
// approval has approve and reject with a comment; a user task has the form that its JSON Schema describes. Claim and
// release are here, too. Only those who may act on the task see buttons; for others it says why.
import { Alert, Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { useState } from 'react';
import { exampleOf } from '../../../functions/_shared/expressions/schema-example.ts';
import { announce } from '../shared/announce.tsx';
import { useApp } from '../shared/app.tsx';
import { JsonEditor, parseJson } from '../shared/code/editors.tsx';
import { describe } from '../shared/errors.ts';
import { isFormable, SchemaForm } from '../shared/form/SchemaForm.tsx';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { type Json, type StepRun, supabase } from '../shared/supabase.ts';
import { mayAct, nameOf, type TaskRow, taskOf } from './task.ts';
import { usePeople } from './use-people.ts';

interface Props {
  task: TaskRow;
  /** After the answer; `isWaiting`: the approval needs further decisions. */
  onDone?(result: { isWaiting: boolean }): void;
  /** The person has decided this approval of several already. */
  hasDecided?: boolean;
}

const CHANGES = [['tasks'], ['open-tasks'], ['step_runs'], ['runs']];

/** The server explains refusals of tasks better than a general text. */
export function TaskProblem({ error }: { error: Error | null }) {
  if (error === null) return null;
  const { code } = describe(error);
  const message = code === 'permission_denied' || code === 'conflict' ? error.message : undefined;
  return (
    <Alert color="red" role="alert">
      <Text c="var(--mantine-color-text)">{message ?? describe(error).text}</Text>
      {code && (
        <Text size="sm" c="dimmed">
          Code: {code}
        </Text>
      )}
    </Alert>
  );
}

function Approval({ task, onDone, isBlocked }: Props & { isBlocked: boolean }) {
  const [comment, setComment] = useState('');
  const [isRejecting, setRejecting] = useState(false);
  const decide = useAction(
    async (approved: boolean) =>
      (await ask(
        supabase.rpc('decide_approval', {
          step_run_id: task.id,
          approved,
          ...(comment.trim() === '' ? {} : { comment: comment.trim() }),
        }),
      )) as unknown as StepRun,
    {
      isQuiet: true,
      changes: CHANGES,
      onSuccess: (row, approved) => {
        const isWaiting = row.status === 'waiting';
        const what = approved ? 'You approved it.' : 'You rejected it.';
        announce(isWaiting ? `${what} Others must decide, too.` : what);
        onDone?.({ isWaiting });
      },
    },
  );
  return (
    <Stack gap="sm">
      <Textarea
        label={isRejecting ? 'Reason' : 'Comment (optional)'}
        autosize
        minRows={2}
        maxRows={10}
        maxLength={10_000}
        value={comment}
        disabled={isBlocked}
        onChange={(event) => setComment(event.currentTarget.value)}
      />
      <TaskProblem error={decide.error} />
      <Group gap="sm" grow preventGrowOverflow={false}>
        {isRejecting ? (
          <>
            <Button
              color="red.8"
              disabled={isBlocked || comment.trim() === ''}
              loading={decide.isRunning}
              onClick={() => decide.run(false)}
            >
              Reject with this reason
            </Button>
            <Button variant="default" onClick={() => setRejecting(false)}>
              Back
            </Button>
          </>
        ) : (
          <>
            <Button
              disabled={isBlocked}
              loading={decide.isRunning}
              onClick={() => decide.run(true)}
            >
              Approve
            </Button>
            <Button
              variant="default"
              disabled={isBlocked || decide.isRunning}
              onClick={() => (comment.trim() === '' ? setRejecting(true) : decide.run(false))}
            >
              Reject
            </Button>
          </>
        )}
      </Group>
    </Stack>
  );
}

function Answer({ task, onDone, isBlocked }: Props & { isBlocked: boolean }) {
  const { form } = taskOf(task);
  const [value, setValue] = useState<Json>(() => (exampleOf(form) ?? {}) as Json);
  const [text, setText] = useState(() => JSON.stringify(exampleOf(form) ?? {}, null, 2));
  const [problem, setProblem] = useState<string>();
  const complete = useAction(
    async (output: NonNullable<Json>) =>
      await ask(supabase.rpc('complete_task', { step_run_id: task.id, output })),
    {
      isQuiet: true,
      changes: CHANGES,
      onSuccess: () => {
        announce('The task is completed.');
        onDone?.({ isWaiting: false });
      },
    },
  );
  const button = (
    <Button type="submit" fullWidth disabled={isBlocked} loading={complete.isRunning}>
      Complete task
    </Button>
  );
  if (isFormable(form)) {
    return (
      <Stack gap="sm">
        <SchemaForm
          schema={form as Json}
          value={value}
          onChange={setValue}
          onSubmit={(output) => complete.run(output)}
          isDisabled={isBlocked}
          idPrefix={`task-${task.id}`}
        >
          <Stack gap="sm" mt="sm">
            <TaskProblem error={complete.error} />
            {button}
          </Stack>
        </SchemaForm>
      </Stack>
    );
  }
  // Without a form the answer is any object; often it is empty.
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        try {
          setProblem(undefined);
          complete.run(parseJson(text));
        } catch (error) {
          setProblem(`This is not JSON: ${(error as Error).message}`);
        }
      }}
    >
      <Stack gap="sm">
        <JsonEditor
          label="Answer (JSON)"
          value={text}
          onChange={setText}
          error={problem}
          minHeight={80}
          isReadOnly={isBlocked}
        />
        <TaskProblem error={complete.error} />
        {button}
      </Stack>
    </form>
  );
}

/** Whether the person started the run of an approval that excludes its requester. */
function useIsRequester(task: TaskRow): boolean {
  const { userId } = useApp();
  const { isFourEyes, isOpen } = taskOf(task);
  const { data } = useAppQuery(
    ['runs', task.run_id, 'requester'],
    (signal) =>
      ask(
        supabase
          .from('runs')
          .select('created_by')
          .eq('id', task.run_id)
          .abortSignal(signal)
          .single(),
      ),
    { enabled: isFourEyes && isOpen, staleTime: Number.POSITIVE_INFINITY },
  );
  return isFourEyes && data?.created_by === userId;
}

export function TaskForm({ task, onDone, hasDecided = false }: Props) {
  const app = useApp();
  const people = usePeople();
  const { isApproval, isOpen, approvalsRequired } = taskOf(task);
  const isMine = mayAct(task, app);
  const isRequester = useIsRequester(task);
  const isClaimedByMe = task.claimed_by === app.userId;
  const claimant = task.claimed_by === null ? undefined : people.get(task.claimed_by);
  // The claim of a person who has left does not count.
  const isBlocked = claimant !== undefined && !isClaimedByMe;
  const claim = useAction(
    async (take: boolean) =>
      await ask(supabase.rpc(take ? 'claim_task' : 'release_task', { step_run_id: task.id })),
    {
      isQuiet: true,
      changes: CHANGES,
      success: (_row, take) => (take ? 'You claimed the task.' : 'The task is released.'),
    },
  );
  if (!isOpen) return null;
  if (!isMine) {
    return (
      <Text c="dimmed">
        This task is for others. You can read it, but your role and your account cannot answer it.
      </Text>
    );
  }
  if (isRequester) {
    return (
      <Text c="dimmed">
        You started this run, and this approval needs the decision of another person.
      </Text>
    );
  }
  if (hasDecided) {
    return <Text role="status">Your decision counts. Others must decide, too.</Text>;
  }
  const mayRelease = isClaimedByMe || (isBlocked && app.permissions.has('member:manage'));
  return (
    <Stack gap="sm">
      {isBlocked && (
        <Alert color="yellow">
          <Text c="var(--mantine-color-text)">
            {nameOf(claimant)} has claimed this task, so only they can answer it.
          </Text>
        </Alert>
      )}
      {isApproval ? (
        <Approval task={task} isBlocked={isBlocked} {...(onDone ? { onDone } : {})} />
      ) : (
        <Answer task={task} isBlocked={isBlocked} {...(onDone ? { onDone } : {})} />
      )}
      <TaskProblem error={claim.error} />
      {approvalsRequired === 1 && (mayRelease || task.claimed_by === null) && (
        <Group>
          <Button
            variant="subtle"
            size="compact-sm"
            loading={claim.isRunning}
            onClick={() => claim.run(!mayRelease)}
          >
            {mayRelease ? 'Release the claim' : 'Claim this task'}
          </Button>
        </Group>
      )}
    </Stack>
  );
}
