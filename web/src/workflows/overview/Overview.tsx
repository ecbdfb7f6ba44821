// The first tab of a workflow: what it does, how it runs, what to mind, and what starts it.
import { Grid, Stack, Text } from '@mantine/core';
import { AppLink } from '../../shared/address.tsx';
import { useMay } from '../../shared/app.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../shared/states.tsx';
import type { Workflow } from '../../shared/supabase.ts';
import { definitionOf } from '../graph/definition.ts';
import { LazyGraph } from '../graph/LazyGraph.tsx';
import { useVersion } from '../use-version.ts';
import { Numbers } from './Numbers.tsx';
import { RecentRuns } from './RecentRuns.tsx';
import { Section } from './Section.tsx';
import { Starters } from './Starters.tsx';
import { Warnings } from './Warnings.tsx';

function Picture({ workflow }: { workflow: Workflow }) {
  const version = useVersion(workflow.published_version_id ?? workflow.latest_version_id);
  const mayWrite = useMay('workflow:write');
  if (version.error) {
    return <ErrorState error={version.error} retry={() => void version.refetch()} />;
  }
  if (version.data === undefined) return <LoadingState rows={1} height={300} />;
  const definition = definitionOf(version.data.definition);
  if (definition.nodes.length === 0) {
    return (
      <EmptyState title="No steps yet">
        {mayWrite ? (
          <>
            <AppLink to={`/workflows/${workflow.kebab_name}/edit`}>Open the editor</AppLink> to add
            the first step.
          </>
        ) : (
          'A member with the permission workflow:write adds steps.'
        )}
      </EmptyState>
    );
  }
  return (
    <LazyGraph
      definition={definition}
      label={`Graph of version ${version.data.version}, ${definition.nodes.length} steps`}
    />
  );
}

export function Overview({ workflow }: { workflow: Workflow }) {
  const mayReadRuns = useMay('run:read');
  const mayReadStatistics = useMay('stats:read');
  return (
    <Stack gap="lg">
      {workflow.description && <Text maw={820}>{workflow.description}</Text>}
      {mayReadStatistics && <Numbers workflowId={workflow.id} />}
      <Picture workflow={workflow} />
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, lg: 7 }}>
          {mayReadRuns && (
            <Section
              title="Recent runs"
              action={
                <AppLink size="sm" to={`/runs?workflow=${workflow.kebab_name}`}>
                  All runs
                </AppLink>
              }
            >
              <RecentRuns kebabName={workflow.kebab_name} />
            </Section>
          )}
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 5 }}>
          <Stack gap="lg">
            <Section title="What starts it">
              <Starters workflow={workflow} />
            </Section>
            <Warnings kebabName={workflow.kebab_name} />
          </Stack>
        </Grid.Col>
      </Grid>
    </Stack>
  );
}
