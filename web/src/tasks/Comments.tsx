// The discussion of a task: comments of the members, live, and a field for one more.
import { Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { useState } from 'react';
import { useApp } from '../shared/app.tsx';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { ErrorState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { Panel } from './Panel.tsx';
import { nameOf, type TaskRow } from './task.ts';
import { usePeople } from './use-people.ts';

type Comment = Pick<Row<'task_comments'>, 'id' | 'user_id' | 'body' | 'created_at'>;

export function Comments({ task }: { task: TaskRow }) {
  const { userId, permissions } = useApp();
  const people = usePeople();
  const key = ['tasks', 'comments', task.id];
  const { data, error, refetch } = useAppQuery<Comment[]>(key, (signal) =>
    ask(
      supabase
        .from('task_comments')
        .select('id,user_id,body,created_at')
        .eq('step_run_id', task.id)
        .order('created_at')
        .order('id')
        .limit(500)
        .abortSignal(signal),
    ),
  );
  const [text, setText] = useState('');
  const send = useAction(
    async () => await ask(supabase.rpc('comment_task', { step_run_id: task.id, body: text })),
    { changes: [key], onSuccess: () => setText('') },
  );
  const isMine = task.assigned_to === userId || task.assigned_users?.includes(userId);
  const mayWrite = isMine || permissions.has('task:complete') || permissions.has('run:execute');
  return (
    <Panel title="Comments">
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data?.length === 0 && (
        <Text c="dimmed">No comments yet. Ask here if something is unclear before you decide.</Text>
      )}
      <Stack gap="sm" component="ul" m={0} p={0} style={{ listStyle: 'none' }}>
        {data?.map(({ id, user_id, body, created_at }) => (
          <li key={id}>
            <Text size="sm">
              <Text span fw={600} size="sm">
                {user_id ? nameOf(people.get(user_id)) : 'A machine'}
              </Text>{' '}
              <Text span c="dimmed" size="sm">
                <RelativeTime at={created_at} />
              </Text>
            </Text>
            <Text style={{ whiteSpace: 'pre-line', overflowWrap: 'anywhere' }}>{body}</Text>
          </li>
        ))}
      </Stack>
      {mayWrite && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (text.trim() !== '') send.run();
          }}
        >
          <Stack gap="xs">
            <Textarea
              label="New comment"
              autosize
              minRows={2}
              maxRows={12}
              maxLength={10_000}
              value={text}
              onChange={(event) => setText(event.currentTarget.value)}
            />
            <Group>
              <Button
                type="submit"
                variant="default"
                disabled={text.trim() === ''}
                loading={send.isRunning}
              >
                Add comment
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Panel>
  );
}
