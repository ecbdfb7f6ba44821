// The rules of a task: for whom it is, until when, how many must approve, and whether it was escalated.
import { Text } from '@mantine/core';
import { dateTime } from '../shared/format.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { Fact, Panel } from './Panel.tsx';
import { assigneeOf, nameOf, type TaskRow, taskOf } from './task.ts';
import { Deadline } from './task-columns.tsx';
import { usePeople } from './use-people.ts';

export function TaskFacts({ task }: { task: TaskRow }) {
  const people = usePeople();
  const { isApproval, approvalsRequired, rejectOn, isFourEyes, isOpen } = taskOf(task);
  return (
    <Panel title="Task">
      <Fact label="For">{assigneeOf(task, people)}</Fact>
      {task.claimed_by && <Fact label="Claimed by">{nameOf(people.get(task.claimed_by))}</Fact>}
      <Fact label="Waits since">
        <RelativeTime at={task.created_at} />
      </Fact>
      <Fact label="Deadline">
        {task.deadline_at === null ? (
          'None'
        ) : isOpen ? (
          <>
            <Deadline row={task} />
            <Text size="sm" c="dimmed">
              {dateTime(task.deadline_at)}
            </Text>
          </>
        ) : (
          dateTime(task.deadline_at)
        )}
      </Fact>
      {task.escalated_at && (
        <Fact label="Escalated">
          <RelativeTime at={task.escalated_at} />, because it was not answered in time
        </Fact>
      )}
      {isApproval && (
        <Fact label="Rule">
          {approvalsRequired === 1
            ? 'One approval is enough.'
            : `${approvalsRequired} persons must approve; ${
                rejectOn === 'first'
                  ? 'one rejection rejects it.'
                  : 'it is rejected when too few are left to approve.'
              }`}
          {isFourEyes && ' The person who started the run cannot decide.'}
        </Fact>
      )}
    </Panel>
  );
}
