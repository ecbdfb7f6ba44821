// The editor below the head of the page: the bar, the palette, the view, the panel, and the dialogs.
import { Kbd, Table, Text } from '@mantine/core';
import { ReactFlowProvider } from '@xyflow/react';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { Modal } from '../shared/dialogs.tsx';
import { EmptyState, LoadingState } from '../shared/states.tsx';
import { Palette } from './canvas/Palette.tsx';
import { StepList } from './canvas/StepList.tsx';
import { AddStep } from './dialogs/AddStep.tsx';
import { ConflictDialog } from './dialogs/ConflictDialog.tsx';
import { ConnectTo } from './dialogs/ConnectTo.tsx';
import { PublishDialog } from './dialogs/PublishDialog.tsx';
import { TestDialog } from './dialogs/TestDialog.tsx';
import { WorkflowSettings } from './dialogs/WorkflowSettings.tsx';
import type { Version } from './draft/api.ts';
import classes from './editor.module.css';
import { useEditor } from './editor-context.tsx';
import { stepOf } from './model/definition.ts';
import { addStep, pieceOf } from './model/edits.ts';
import { Problems } from './Problems.tsx';
import { EdgePanel } from './panel/EdgePanel.tsx';
import { StepPanel } from './panel/StepPanel.tsx';
import { RunPicker } from './RunPicker.tsx';
import { Toolbar, type View } from './Toolbar.tsx';
import { pieceIn } from './use-clipboard.ts';
import { type OpenDialog, useEditorCommands } from './use-commands.ts';
import { KEYS, useClipboardEvents, useKeys } from './use-keys.ts';

const Canvas = lazy(() => import('./canvas/Canvas.tsx'));
const DraftJson = lazy(() => import('./views/JsonView.tsx'));
const CodeView = lazy(() => import('./views/CodeView.tsx'));
const AssistantDialog = lazy(() => import('./assistant/AssistantDialog.tsx'));

/** As in the style sheet: the panel is beside the steps. */
export const SIDE_BY_SIDE = '(min-width: 62em)';

interface Props {
  runId: string | undefined;
  onRun(runId: string | undefined): void;
  /** A dialog that the head of the page opens. */
  asked: OpenDialog | undefined;
  onAsked(dialog: OpenDialog | undefined): void;
  onPublished(version: Version): void;
}

export function Workbench({ runId, onRun, asked, onAsked, onPublished }: Props) {
  const { doc, workflow, selection, select, open, mayWrite } = useEditor();
  const { commands, clipboard, dialog: own, setDialog, close: closeOwn } = useEditorCommands();
  const [view, setView] = useState<View>(() =>
    matchMedia('(max-width: 48em)').matches ? 'list' : 'canvas',
  );
  const [focus, setFocus] = useState<{ id: string }>();
  const [isListed, setListed] = useState(false);
  const dialog = asked ?? own;
  const close = () => {
    onAsked(undefined);
    closeOwn();
  };
  const nothing = { steps: new Set<string>(), edges: new Set<string>() };

  useKeys({
    commands,
    selection,
    mayWrite,
    undo: doc.undo,
    redo: doc.redo,
    save: () => void doc.saveNow(),
    close: () => select(nothing),
  });
  useClipboardEvents({
    mayWrite,
    copied: () =>
      selection.steps.size === 0
        ? undefined
        : JSON.stringify(pieceOf(doc.draft, selection.steps), null, 2),
    removed: () => commands.remove([...selection.steps]),
    pasted: (text) => {
      const piece = pieceIn(text);
      if (piece === undefined) return false;
      clipboard.insert(piece);
      return true;
    },
  });

  function add(type: string, after: string | undefined): void {
    const added = addStep(doc.draft, { type, after });
    doc.change(() => added.draft);
    open(added.id);
    setFocus({ id: added.id });
    close();
  }

  const [stepId] = selection.steps;
  const step = selection.steps.size === 1 ? stepOf(doc.draft, stepId) : undefined;
  const [edgeId] = selection.edges;
  const edge =
    step === undefined && selection.edges.size === 1
      ? doc.draft.definition.edges.find(({ id }) => id === edgeId)
      : undefined;
  const isGraph = view === 'canvas' || view === 'list';
  const hasPanel = isGraph && (step !== undefined || edge !== undefined);
  const panel = useRef<HTMLElement>(null);
  // In a narrow window the panel is below the steps: a person who opens one would not see that.
  const shown = hasPanel ? (step?.id ?? edge?.id) : undefined;
  const opened = useRef(shown);
  useEffect(() => {
    if (shown === opened.current) return;
    opened.current = shown;
    if (shown === undefined || matchMedia(SIDE_BY_SIDE).matches) return;
    panel.current?.scrollIntoView({ block: 'start' });
  }, [shown]);
  const isEmpty = doc.draft.definition.nodes.length === 0;

  return (
    <div
      className={classes.main}
      {...(hasPanel ? { 'data-panel': true } : {})}
      {...(view === 'canvas' && mayWrite ? { 'data-palette': true } : {})}
    >
      <Toolbar
        view={view}
        onView={setView}
        commands={commands}
        onDialog={setDialog}
        problems={{ isShown: isListed, toggle: () => setListed(!isListed) }}
        picker={<RunPicker workflowId={workflow.id} value={runId} onChange={onRun} />}
      />
      {isListed && (
        <div style={{ gridColumn: '1 / -1' }}>
          <Problems
            onOpen={(id) => {
              open(id);
              setFocus({ id });
            }}
          />
        </div>
      )}
      {view === 'canvas' && mayWrite && (
        <aside className={classes.palette} aria-label="Step types">
          <Palette onChoose={({ name }) => add(name, stepId)} />
        </aside>
      )}
      <div style={{ minWidth: 0, overflow: 'auto' }}>
        <Suspense fallback={<LoadingState rows={8} />}>
          {view === 'canvas' &&
            (isEmpty ? (
              <EmptyState title="An empty workflow">
                {mayWrite
                  ? 'Add the first step: press A, or choose a type.'
                  : 'Nothing was drawn yet.'}
              </EmptyState>
            ) : (
              <ReactFlowProvider>
                <Canvas focus={focus} />
              </ReactFlowProvider>
            ))}
          {view === 'list' && <StepList commands={commands} />}
          {view === 'json' && <DraftJson />}
          {view === 'code' && <CodeView />}
        </Suspense>
      </div>
      {hasPanel && (
        <aside ref={panel} className={classes.side} aria-label="Panel" tabIndex={-1}>
          {step !== undefined && <StepPanel key={step.id} step={step} commands={commands} />}
          {edge !== undefined && <EdgePanel key={edge.id} edge={edge} />}
        </aside>
      )}
      <ConflictDialog />
      {dialog?.kind === 'add' && (
        <AddStep
          after={dialog.after}
          onChoose={(type) => add(type, dialog.after)}
          onClose={close}
        />
      )}
      {dialog?.kind === 'connect' && <ConnectTo source={dialog.source} onClose={close} />}
      {dialog?.kind === 'assistant' && (
        <Suspense>
          <AssistantDialog wish={dialog.wish ?? ''} onClose={close} />
        </Suspense>
      )}
      {dialog?.kind === 'settings' && <WorkflowSettings onClose={close} />}
      {dialog?.kind === 'test' && (
        <TestDialog
          onClose={close}
          onStarted={(id) => {
            onRun(id);
            close();
          }}
        />
      )}
      {dialog?.kind === 'publish' && (
        <PublishDialog
          onClose={close}
          onPublished={(version) => {
            close();
            onPublished(version);
          }}
        />
      )}
      <Modal opened={dialog?.kind === 'keys'} onClose={close} title="Keys of the editor" size="md">
        <Table>
          <Table.Tbody>
            {KEYS.map(([keys, what]) => (
              <Table.Tr key={keys}>
                <Table.Td>
                  <Kbd size="xs">{keys}</Kbd>
                </Table.Td>
                <Table.Td>
                  <Text size="sm">{what}</Text>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Modal>
    </div>
  );
}
