// The commands of the editor on the present draft, and the dialogs that they open.
import { useCallback, useState } from 'react';
import { useMayTest } from '../settings/testing/use-test-run.ts';
import { useCommands as usePaletteCommands } from '../shared/commands.ts';
import type { EditorCommands } from './commands.ts';
import { useEditor } from './editor-context.tsx';
import { moveSteps, paste, pieceOf, remove } from './model/edits.ts';
import { useClipboard } from './use-clipboard.ts';

export type OpenDialog =
  | { kind: 'add'; after: string | undefined }
  | { kind: 'connect'; source: string }
  /** `wish`: what the person has described already. */
  | { kind: 'assistant'; wish?: string }
  | { kind: 'settings' | 'test' | 'publish' | 'keys' };

export function useEditorCommands() {
  const { doc, selection, select, mayWrite } = useEditor();
  const [dialog, setDialog] = useState<OpenDialog>();
  const clipboard = useClipboard();
  const mayAsk = useMayTest() && mayWrite;
  const { change, draft } = doc;

  const duplicate = (ids: readonly string[]) => {
    const added = paste(draft, pieceOf(draft, new Set(ids)));
    change(() => added.draft);
    select({ steps: new Set(added.ids), edges: new Set() });
  };
  const removeSteps = (ids: readonly string[]) => {
    change((known) => remove(known, new Set(ids), new Set()));
    select({ steps: new Set(), edges: new Set() });
  };
  const arrange = async () => {
    const { arranged } = await import('./model/layout.ts');
    change((known) => moveSteps(known, arranged(known.definition)));
  };
  const commands: EditorCommands = {
    addAfter: (after) => setDialog({ kind: 'add', after }),
    connectTo: (source) => setDialog({ kind: 'connect', source }),
    duplicate,
    remove: removeSteps,
    copy: () => void clipboard.copy(),
    cut: () => {
      void clipboard.copy().then((isCopied) => isCopied && removeSteps([...selection.steps]));
    },
    arrange: () => void arrange(),
    selectAll: () =>
      select({ steps: new Set(draft.definition.nodes.map(({ id }) => id)), edges: new Set() }),
  };

  const [first] = selection.steps;
  usePaletteCommands(
    [
      ...(mayWrite
        ? [
            {
              id: 'editor-add',
              label: 'Add a step',
              run: () => setDialog({ kind: 'add', after: first }),
            },
            { id: 'editor-arrange', label: 'Arrange the steps', run: () => void arrange() },
          ]
        : []),
      ...(mayAsk
        ? [
            {
              id: 'editor-assistant',
              label: 'Change with a model',
              keywords: ['AI', 'assistant', 'generate'],
              run: () => setDialog({ kind: 'assistant' }),
            },
          ]
        : []),
      {
        id: 'editor-settings',
        label: 'Workflow settings',
        run: () => setDialog({ kind: 'settings' }),
      },
      { id: 'editor-keys', label: 'Keys of the editor', run: () => setDialog({ kind: 'keys' }) },
    ],
    [mayWrite, mayAsk, first],
  );

  return {
    commands,
    clipboard,
    dialog,
    setDialog,
    close: useCallback(() => setDialog(undefined), []),
  };
}
