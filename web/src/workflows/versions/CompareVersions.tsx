// What changes from one version to another: the graph in colors, and each change by its place in the JSON.
import { Alert, Badge, Button, Group, SegmentedControl, Stack, Text, Title } from '@mantine/core';
import { useState } from 'react';
import { useGo } from '../../shared/address.tsx';
import { ask, useAppQuery } from '../../shared/query.ts';
import { ErrorState, LoadingState } from '../../shared/states.tsx';
import { type Json, supabase, type Workflow } from '../../shared/supabase.ts';
import { definitionOf, union } from '../graph/definition.ts';
import { LazyGraph } from '../graph/LazyGraph.tsx';
import { ChangeList } from './ChangeList.tsx';
import { changesOf, countOf, type VersionDiff } from './diff.ts';
import { SideBySide } from './SideBySide.tsx';

async function readDiff(workflowId: string, a: number, b: number, signal: AbortSignal) {
  const versions = await ask(
    supabase
      .from('workflow_versions')
      .select('id,version,definition,input_schema,output_schema')
      .eq('workflow_id', workflowId)
      .in('version', [a, b])
      .abortSignal(signal),
  );
  const before = versions.find(({ version }) => version === a);
  const after = versions.find(({ version }) => version === b);
  if (before === undefined || after === undefined) {
    throw new Error('One of these versions does not exist any more.');
  }
  const diff = (await ask(
    supabase.rpc('diff_versions', { a: before.id, b: after.id }).abortSignal(signal),
  )) as unknown as VersionDiff;
  return { before, after, diff };
}

const VERDICTS: Readonly<Record<string, { text: string; color: string }>> = {
  compatible: { text: 'Every input that was valid is still valid', color: 'green' },
  breaking: { text: 'Inputs that were valid are refused', color: 'red' },
  unknown: { text: 'Check whether all inputs are still valid', color: 'yellow' },
};

function Verdict({ diff }: { diff: VersionDiff }) {
  const { verdict, reasons = [] } = diff.input_schema;
  const words = VERDICTS[verdict];
  if (words === undefined) return null;
  return (
    <Alert color={words.color} title={`Input schema: ${words.text}`}>
      {reasons.map((reason) => {
        const text =
          typeof reason === 'string' ? reason : `${reason.path ?? ''} ${reason.message ?? ''}`;
        return (
          <Text key={text} size="sm" c="var(--mantine-color-text)">
            {text}
          </Text>
        );
      })}
    </Alert>
  );
}

interface Props {
  workflow: Workflow;
  a: number;
  b: number;
}

export function CompareVersions({ workflow, a, b }: Props) {
  const go = useGo();
  const base = `/workflows/${workflow.kebab_name}/versions`;
  const [view, setView] = useState('graph');
  const { data, error, refetch } = useAppQuery(['workflows', workflow.id, 'diff', a, b], (signal) =>
    readDiff(workflow.id, a, b, signal),
  );
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={2} size="h4">
          Version {a} to version {b}
        </Title>
        <Group gap="xs">
          <Button variant="default" onClick={() => go(`${base}?a=${b}&b=${a}`)}>
            Swap
          </Button>
          <Button variant="default" onClick={() => go(base)}>
            All versions
          </Button>
        </Group>
      </Group>
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <LoadingState rows={1} height={420} />}
      {data && (
        <>
          <Group gap="xs">
            <Badge variant="default" tt="none">
              {countOf(data.diff.nodes)} steps differ
            </Badge>
            <Badge variant="default" tt="none">
              {countOf(data.diff.edges)} connections differ
            </Badge>
            <Badge variant="default" tt="none">
              {data.diff.b.open_runs}
              {data.diff.b.has_more_open_runs ? '+' : ''} open runs of version {b}
            </Badge>
            {data.diff.same_content && (
              <Text size="sm" c="dimmed">
                Both do the same; only the layout or notes may differ.
              </Text>
            )}
          </Group>
          <Verdict diff={data.diff} />
          <SegmentedControl
            size="xs"
            w="fit-content"
            aria-label="View of the changes"
            value={view}
            onChange={setView}
            data={[
              { value: 'graph', label: 'Graph' },
              { value: 'changes', label: 'Changes' },
              { value: 'json', label: 'JSON' },
            ]}
          />
          {view === 'graph' && (
            <LazyGraph
              isTall
              label={`Graph of the changes from version ${a} to version ${b}`}
              definition={union(
                definitionOf(data.before.definition),
                definitionOf(data.after.definition),
              )}
              nodeChanges={changesOf(data.diff.nodes)}
              edgeChanges={changesOf(data.diff.edges)}
            />
          )}
          {view === 'changes' && <ChangeList diff={data.diff} />}
          {view === 'json' && (
            <SideBySide
              a={{ title: `Version ${a}`, value: documentOf(data.before) }}
              b={{ title: `Version ${b}`, value: documentOf(data.after) }}
            />
          )}
        </>
      )}
    </Stack>
  );
}

const documentOf = (version: {
  definition: Json;
  input_schema: unknown;
  output_schema: unknown;
}): unknown => ({
  definition: version.definition,
  input_schema: version.input_schema,
  output_schema: version.output_schema,
});
