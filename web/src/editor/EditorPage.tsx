// The editor of a workflow: its draft on a canvas, as a list, as JSON and as code. `?run=<id>` opens it with the data of a
// run, `&step=<id>` with a step; for a failed run, publishing offers to continue that run on the new version.
import { Alert, Button, Text } from '@mantine/core';
import { useCallback, useMemo, useState } from 'react';
import { AppLink, useAddressParam } from '../shared/address.tsx';
import { useMay } from '../shared/app.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, failureOf, useAppQuery } from '../shared/query.ts';
import { hasFailed } from '../shared/run-status.ts';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase, type Workflow } from '../shared/supabase.ts';
import type { RunSnapshot } from '../shared/use-run.ts';
import { useWorkflow } from '../workflows/use-workflow.ts';
import { ContinueRun } from './dialogs/ContinueRun.tsx';
import { type Loaded, loadDraft } from './draft/load.ts';
import { useDraft } from './draft/use-draft.ts';
import { EditorProvider, NOTHING, type StepType } from './editor-context.tsx';
import { RunData } from './RunPicker.tsx';
import type { OpenDialog } from './use-commands.ts';
import { SIDE_BY_SIDE, Workbench } from './Workbench.tsx';

const BACK = { to: '/workflows', label: 'Workflows' };

function Editor({
  workflow,
  loaded,
  types,
}: {
  workflow: Workflow;
  loaded: Loaded;
  types: StepType[];
}) {
  const mayWrite = useMay('workflow:write');
  const mayPublish = useMay('workflow:publish');
  const mayRun = useMay('run:execute');
  const mayTest = mayRun && mayPublish;
  const doc = useDraft(workflow.kebab_name, workflow.id, loaded, mayWrite);
  const [failedStep] = useAddressParam('step');
  // In a narrow window the panel is out of sight, and a person opens the step in the list.
  const [selected, select] = useState(() =>
    failedStep === undefined || !matchMedia(SIDE_BY_SIDE).matches
      ? NOTHING
      : { ...NOTHING, steps: new Set([failedStep]) },
  );
  // Undo, and the saves of others, can remove what was selected.
  const { nodes, edges } = doc.draft.definition;
  const selection = useMemo(
    () => ({
      steps: new Set(nodes.filter(({ id }) => selected.steps.has(id)).map(({ id }) => id)),
      edges: new Set(edges.filter(({ id }) => selected.edges.has(id)).map(({ id }) => id)),
    }),
    [selected, nodes, edges],
  );
  const [run, setRun] = useState<RunSnapshot>();
  const [address, setAddress] = useAddressParam('run');
  // A test run is of another, hidden workflow, so it does not belong into the address.
  const [testId, setTestId] = useState<string>();
  // A new workflow that a person has described begins with the question.
  const [wish, setWish] = useAddressParam('ask');
  const [asked, setAsked] = useState<OpenDialog | undefined>(
    wish !== undefined && mayTest && mayWrite ? { kind: 'assistant', wish } : undefined,
  );
  const [isContinuing, setContinuing] = useState(false);
  const runId = testId ?? address;
  const onSnapshot = useCallback((next: RunSnapshot | undefined) => setRun(next), []);
  const isFailed =
    run !== undefined && hasFailed(run.run.status) && run.run.workflow_id === workflow.id;
  const isPublishedSince =
    isFailed &&
    workflow.published_version_id !== null &&
    workflow.published_version_id !== run.run.workflow_version_id;

  return (
    <>
      <PageHeader
        title={workflow.name}
        help="guides/write-a-workflow"
        back={{ to: `/workflows/${workflow.kebab_name}`, label: 'Workflow' }}
        actions={
          <>
            {mayTest && (
              <Button variant="default" onClick={() => setAsked({ kind: 'test' })}>
                Test
              </Button>
            )}
            {mayPublish && (
              <Button
                disabled={doc.version?.status !== 'draft'}
                onClick={() => setAsked({ kind: 'publish' })}
              >
                Publish
              </Button>
            )}
          </>
        }
      />
      {runId !== undefined && <RunData key={runId} runId={runId} onChange={onSnapshot} />}
      {isFailed && (
        <Alert color="red" variant="light" mb="sm" p="xs">
          <Text size="sm" c="var(--mantine-color-text)">
            This is the data of a run that failed
            {typeof (run.run.error as { message?: unknown } | null)?.message === 'string'
              ? `: ${(run.run.error as { message: string }).message}`
              : ''}
            .{' '}
            {isPublishedSince
              ? 'Another version is published now, on which the run can continue from the failed step.'
              : 'Change the workflow and publish it; then the run can continue from the failed step.'}{' '}
            <AppLink to={`/runs/${run.run.id}`} size="sm" underline="always">
              Open the run
            </AppLink>
          </Text>
          {isPublishedSince && mayRun && (
            <Button size="compact-sm" mt={6} onClick={() => setContinuing(true)}>
              Continue the run
            </Button>
          )}
        </Alert>
      )}
      <EditorProvider
        workflow={workflow}
        doc={doc}
        types={types}
        mayWrite={mayWrite}
        run={run}
        selection={selection}
        select={select}
      >
        <Workbench
          runId={runId}
          onRun={(id) => {
            const isOwn = id === undefined || id === address;
            setTestId(isOwn ? undefined : id);
            if (id === undefined) setAddress(undefined);
          }}
          asked={asked}
          onAsked={(next) => {
            setAsked(next);
            if (next === undefined && wish !== undefined) setWish(undefined);
          }}
          onPublished={(version) => {
            doc.published(version);
            if (isFailed && mayRun) setContinuing(true);
          }}
        />
      </EditorProvider>
      {isContinuing && run !== undefined && (
        <ContinueRun runId={run.run.id} onClose={() => setContinuing(false)} />
      )}
    </>
  );
}

export default function EditorPage() {
  const read = useWorkflow();
  const workflow = read.data;
  const loaded = useAppQuery(
    ['draft', workflow?.id],
    (signal) =>
      loadDraft({ id: workflow?.id ?? '', kebab_name: workflow?.kebab_name ?? '' }, signal),
    // The editor keeps it current itself; a later visit reads it again.
    { enabled: workflow !== undefined, staleTime: Number.POSITIVE_INFINITY, gcTime: 0 },
  );
  const types = useAppQuery(
    ['step-types'],
    (signal) => ask(supabase.from('step_types').select('*').order('ordinal').abortSignal(signal)),
    { staleTime: 600_000 },
  );
  const failure = failureOf(read, loaded, types);
  if (failure) {
    return (
      <>
        <PageHeader title="Editor" help="guides/write-a-workflow" back={BACK} />
        <ErrorState {...failure} />
      </>
    );
  }
  if (workflow === undefined || loaded.data === undefined || types.data === undefined) {
    return (
      <>
        <PageHeader title="Editor" help="guides/write-a-workflow" back={BACK} />
        <LoadingState rows={10} />
      </>
    );
  }
  return <Editor key={workflow.id} workflow={workflow} loaded={loaded.data} types={types.data} />;
}
