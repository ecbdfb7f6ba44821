// Copy and paste of steps as JSON, so that they also go between windows and into a text.
import { useCallback } from 'react';
import { notify } from '../shared/notify.ts';
import { useEditor } from './editor-context.tsx';
import { definitionFault } from './model/definition.ts';
import { type Piece, paste, pieceOf } from './model/edits.ts';

/** The steps in a text; undefined: it has none. */
export function pieceIn(text: string): Piece | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    if (definitionFault(parsed) !== undefined) return undefined;
    const piece = parsed as Piece;
    return piece.nodes.length === 0 ? undefined : piece;
  } catch {
    return undefined;
  }
}

export function useClipboard() {
  const { doc, selection, select } = useEditor();
  const insert = useCallback(
    (piece: Piece) => {
      const added = paste(doc.draft, piece);
      doc.change(() => added.draft);
      select({ steps: new Set(added.ids), edges: new Set() });
    },
    [doc, select],
  );
  const copy = useCallback(async () => {
    if (selection.steps.size === 0) return false;
    const piece = pieceOf(doc.draft, selection.steps);
    try {
      await navigator.clipboard.writeText(JSON.stringify(piece, null, 2));
      notify.info(
        piece.nodes.length === 1 ? 'Copied the step.' : `Copied ${piece.nodes.length} steps.`,
      );
      return true;
    } catch {
      notify.info('The browser does not allow copying here. Use Ctrl-C on the canvas.');
      return false;
    }
  }, [doc.draft, selection.steps]);
  return { insert, copy };
}
