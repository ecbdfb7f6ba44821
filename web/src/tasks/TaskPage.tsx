// One task: what is asked, and a link to its run.
import { AppLink, usePathParam } from '../shared/address.tsx';
import { JsonView } from '../shared/JsonView.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';

export default function TaskPage() {
  const id = usePathParam('taskId');
  const { data, error, refetch } = useAppQuery(['tasks', id], (signal) =>
    ask(supabase.from('step_runs').select('*').eq('id', id).abortSignal(signal).single()),
  );
  if (error) return <ErrorState error={error} retry={() => void refetch()} />;
  if (data === undefined) return <LoadingState />;
  const { title = data.step_id } = (data.task ?? {}) as { title?: string };
  return (
    <>
      <PageHeader
        title={title}
        help="guides/approvals-and-tasks"
        back={{ to: '/tasks', label: 'Tasks' }}
      >
        <StatusBadge name={data.status} />
      </PageHeader>
      <AppLink to={`/runs/${data.run_id}`}>Open the run</AppLink>
      <JsonView label="Task" value={data.task} />
    </>
  );
}
