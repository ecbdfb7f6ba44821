// The decisions about an approval so far: n of m, who decided what, when and why.
import { Group, Progress, Stack, Text } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import { ask, useAppQuery } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { Panel } from './Panel.tsx';
import { nameOf, type TaskRow, taskOf } from './task.ts';
import { usePeople } from './use-people.ts';

type Decision = Pick<
  Row<'task_decisions'>,
  'id' | 'user_id' | 'via' | 'approved' | 'comment' | 'created_at'
>;

const VIA: Readonly<Record<string, string>> = {
  link: ' by a link in a mail',
  api_key: ' by an API key',
  secret_key: ' by the secret key',
};

export function useDecisions(taskId: string): UseQueryResult<Decision[], Error> {
  const key = ['tasks', 'decisions', taskId];
  return useAppQuery<Decision[]>(key, (signal) =>
    ask(
      supabase
        .from('task_decisions')
        .select('id,user_id,via,approved,comment,created_at')
        .eq('step_run_id', taskId)
        .order('created_at')
        .abortSignal(signal),
    ),
  );
}

export function Decisions({
  task,
  query,
}: {
  task: TaskRow;
  query: UseQueryResult<Decision[], Error>;
}) {
  const people = usePeople();
  const { approvalsRequired } = taskOf(task);
  const decisions = query.data ?? [];
  const approvals = decisions.filter(({ approved }) => approved).length;
  if (decisions.length === 0 && approvalsRequired === 1) return null;
  return (
    <Panel
      title="Decisions"
      aside={
        <Text size="sm" c="dimmed" role="status">
          {approvals} of {approvalsRequired} approvals
        </Text>
      }
    >
      {approvalsRequired > 1 && (
        <Progress
          value={(100 * Math.min(approvals, approvalsRequired)) / approvalsRequired}
          aria-label="Approvals so far"
          color="teal"
        />
      )}
      {decisions.length === 0 && <Text c="dimmed">No one has decided yet.</Text>}
      <Stack gap="sm" component="ul" m={0} p={0} style={{ listStyle: 'none' }}>
        {decisions.map(({ id, user_id, via, approved, comment, created_at }) => (
          <li key={id}>
            <Group gap="sm">
              <StatusBadge
                name={approved ? 'completed' : 'failed'}
                label={approved ? 'approved' : 'rejected'}
              />
              <Text size="sm">
                {user_id ? nameOf(people.get(user_id)) : 'A machine'}
                {VIA[via] ?? ''},{' '}
                <Text span c="dimmed" size="sm">
                  <RelativeTime at={created_at} />
                </Text>
              </Text>
            </Group>
            {comment && <Text style={{ whiteSpace: 'pre-line' }}>{comment}</Text>}
          </li>
        ))}
      </Stack>
    </Panel>
  );
}
