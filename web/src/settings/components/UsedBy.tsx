// The workflows whose published version uses a version of a component, with the steps that do.
import { Text } from '@mantine/core';
import { AppLink } from '../../shared/address.tsx';
import type { Column } from '../../shared/DataTable.tsx';
import { ask, useAppQuery } from '../../shared/query.ts';
import { EmptyState } from '../../shared/states.tsx';
import { supabase } from '../../shared/supabase.ts';
import { Rows } from '../parts.tsx';

interface Use {
  kebab_name: string;
  name: string;
  version: number;
  steps: string[];
}

const PLACES = ['component_id', 'item_component_id', 'compensation_component_id'] as const;

async function readUses(componentId: string, signal: AbortSignal): Promise<Use[]> {
  const nodes = await ask(
    supabase
      .from('workflow_nodes')
      .select('node_id, workflow_version_id')
      .or(PLACES.map((place) => `${place}.eq.${componentId}`).join(','))
      .order('node_id')
      .abortSignal(signal),
  );
  const versionIds = [...new Set(nodes.map((node) => node.workflow_version_id))];
  const [workflows, versions] = await Promise.all([
    ask(
      supabase
        .from('workflows')
        .select('kebab_name, name, published_version_id')
        .in('published_version_id', versionIds)
        .is('deleted_at', null)
        .order('name')
        .abortSignal(signal),
    ),
    ask(
      supabase
        .from('workflow_versions')
        .select('id, version')
        .in('id', versionIds)
        .abortSignal(signal),
    ),
  ]);
  return workflows.map(({ kebab_name, name, published_version_id: id }) => ({
    kebab_name,
    name,
    version: versions.find((each) => each.id === id)?.version ?? 0,
    steps: nodes.filter((node) => node.workflow_version_id === id).map(({ node_id }) => node_id),
  }));
}

const COLUMNS: Column<Use>[] = [
  {
    id: 'workflow',
    header: 'Workflow',
    cell: ({ kebab_name, name }) => (
      <AppLink to={`/workflows/${kebab_name}`} size="sm">
        {name}
      </AppLink>
    ),
  },
  {
    id: 'version',
    header: 'Published version',
    align: 'end',
    hideBelow: 'sm',
    cell: ({ version }) => version,
  },
  {
    id: 'steps',
    header: 'Steps',
    cell: ({ steps }) => (
      <Text size="sm" className="mono">
        {steps.join(', ')}
      </Text>
    ),
  },
];

export function UsedBy({ componentId }: { componentId: string }) {
  const uses = useAppQuery(['workflows', 'uses', componentId], (signal) =>
    readUses(componentId, signal),
  );
  return (
    <Rows
      query={uses}
      label="Workflows that use it"
      columns={COLUMNS}
      rowId={({ kebab_name }) => kebab_name}
      empty={
        <EmptyState title="No published workflow uses this version">
          A workflow keeps the version that it was published with, until it is published again.
        </EmptyState>
      }
    />
  );
}
