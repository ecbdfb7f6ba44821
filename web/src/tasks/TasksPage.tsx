// The open tasks of the application.
import { AppLink } from '../shared/address.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { ListView } from '../shared/ListView.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { EmptyState } from '../shared/states.tsx';
import { type StepRun, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { keysetPage, useList } from '../shared/use-list.ts';
import { useRunsTopic } from '../shared/use-live.ts';

type Listed = Pick<StepRun, 'id' | 'step_id' | 'step_type' | 'task' | 'created_at' | 'deadline_at'>;

const titleOf = ({ task, step_id }: Listed) =>
  (task as { title?: string } | null)?.title ?? step_id;

const COLUMNS: Column<Listed>[] = [
  {
    id: 'title',
    header: 'Task',
    cell: (task) => <AppLink to={`/tasks/${task.id}`}>{titleOf(task)}</AppLink>,
  },
  {
    id: 'created',
    header: 'Since',
    cell: ({ created_at }) => <RelativeTime at={created_at} />,
  },
  {
    id: 'deadline',
    header: 'Deadline',
    hideBelow: 'sm',
    cell: ({ deadline_at }) => <RelativeTime at={deadline_at} />,
  },
];

export default function TasksPage() {
  const list = useList<Listed>({
    key: ['tasks', 'list'],
    live: useRunsTopic(),
    page: (cursor, signal) =>
      keysetPage<Listed>(
        supabase
          .from('step_runs')
          .select('id,step_id,step_type,task,created_at,deadline_at')
          .eq('status', 'waiting')
          .eq('wait_kind', 'task')
          .abortSignal(signal),
        cursor,
        { columns: ['created_at', 'id'] },
      ),
  });
  return (
    <>
      <PageHeader title="Tasks" help="guides/approvals-and-tasks" />
      <ListView
        list={list}
        label="Tasks"
        columns={COLUMNS}
        rowId={({ id }) => id}
        empty={
          <EmptyState title="No open tasks">Approvals and forms of runs appear here.</EmptyState>
        }
      />
    </>
  );
}
