// The definition of a workflow.
import { JsonView } from '../shared/JsonView.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { useWorkflow } from '../workflows/use-workflow.ts';

export default function EditorPage() {
  const { data: workflow, error, refetch } = useWorkflow();
  const versionId = workflow?.latest_version_id ?? workflow?.published_version_id ?? undefined;
  const version = useAppQuery(
    ['workflows', 'version', versionId],
    (signal) =>
      ask(
        supabase
          .from('workflow_versions')
          .select('*')
          .eq('id', versionId ?? '')
          .abortSignal(signal)
          .single(),
      ),
    { enabled: versionId !== undefined },
  );
  if (error) return <ErrorState error={error} retry={() => void refetch()} />;
  if (workflow === undefined) return <LoadingState />;
  return (
    <>
      <PageHeader
        title={workflow.name}
        help="guides/write-a-workflow"
        back={{ to: `/workflows/${workflow.kebab_name}`, label: 'Workflow' }}
      />
      {versionId === undefined && <EmptyState title="No version yet" />}
      {version.error && <ErrorState error={version.error} retry={() => void version.refetch()} />}
      {version.data && (
        <JsonView label="Definition" value={version.data.definition} depth={3} maxHeight={700} />
      )}
    </>
  );
}
