// One workflow, with tabs: overview, versions, settings.
import { Tabs, Text } from '@mantine/core';
import { AppLink, useGo, usePathParam } from '../shared/address.tsx';
import { JsonView } from '../shared/JsonView.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase, type Workflow } from '../shared/supabase.ts';
import { useWorkflow } from './use-workflow.ts';

const TABS = ['overview', 'versions', 'settings'] as const;

function Versions({ workflowId }: { workflowId: string }) {
  const versions = useAppQuery(['workflows', workflowId, 'versions'], (signal) =>
    ask(
      supabase
        .from('workflow_versions')
        .select('id,version,status,created_at')
        .eq('workflow_id', workflowId)
        .order('version', { ascending: false })
        .limit(100)
        .abortSignal(signal),
    ),
  );
  if (versions.error) {
    return <ErrorState error={versions.error} retry={() => void versions.refetch()} />;
  }
  if (versions.data === undefined) return <LoadingState rows={3} />;
  if (versions.data.length === 0) return <EmptyState title="No versions yet" />;
  return (
    <ul>
      {versions.data.map(({ id, version, status }) => (
        <li key={id}>
          Version {version} <StatusBadge name={status} />
        </li>
      ))}
    </ul>
  );
}

function Overview({ workflow }: { workflow: Workflow }) {
  return (
    <>
      <Text mb="md">{workflow.description || 'Without a description.'}</Text>
      <AppLink to={`/workflows/${workflow.kebab_name}/edit`}>Open the definition</AppLink>
    </>
  );
}

export default function WorkflowPage() {
  const { data: workflow, error, refetch } = useWorkflow();
  const tab = usePathParam('tab') || 'overview';
  const go = useGo();
  if (error) return <ErrorState error={error} retry={() => void refetch()} />;
  if (workflow === undefined) return <LoadingState />;
  const base = `/workflows/${workflow.kebab_name}`;
  return (
    <>
      <PageHeader
        title={workflow.name}
        help="guides/versions"
        back={{ to: '/workflows', label: 'Workflows' }}
      >
        <StatusBadge name={workflow.status} />
      </PageHeader>
      <Tabs
        value={tab}
        onChange={(next) => go(next === 'overview' ? base : `${base}/${next}`)}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          {TABS.map((name) => (
            <Tabs.Tab key={name} value={name} tt="capitalize">
              {name}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="overview">
          <Overview workflow={workflow} />
        </Tabs.Panel>
        <Tabs.Panel value="versions">
          <Versions workflowId={workflow.id} />
        </Tabs.Panel>
        <Tabs.Panel value="settings">
          <JsonView label="Settings" value={workflow} />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}
