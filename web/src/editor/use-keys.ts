// Keys of the editor, outside of text fields: undo and redo, copy, cut and paste, duplicate, add after, connect.
import { useEffect, useRef } from 'react';
import type { EditorCommands } from './commands.ts';
import type { Selection } from './editor-context.tsx';

export const KEYS = [
  ['A', 'Add a step after the selected one'],
  ['C', 'Connect the selected step to…'],
  ['Enter', 'Open the step'],
  ['Delete', 'Delete'],
  ['Ctrl Z, Ctrl Shift Z', 'Undo, redo'],
  ['Ctrl C, Ctrl X, Ctrl V', 'Copy, cut, paste'],
  ['Ctrl D', 'Duplicate'],
  ['Ctrl A', 'Select all steps'],
  ['Ctrl S', 'Save now'],
  ['Arrows', 'Move the selected steps'],
] as const;

interface Handlers {
  commands: EditorCommands;
  selection: Selection;
  mayWrite: boolean;
  undo(): void;
  redo(): void;
  save(): void;
  close(): void;
}

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  (target.isContentEditable ||
    target.closest('input, textarea, select, [role="dialog"], [role="menu"]') !== null);

export function useKeys(handlers: Handlers): void {
  const current = useRef(handlers);
  current.current = handlers;
  useEffect(() => {
    function onKeyDown(event: KeyboardEvent): void {
      const { commands, selection, mayWrite, undo, redo, save, close } = current.current;
      const isCommand = event.ctrlKey || event.metaKey;
      const key = event.key.toLowerCase();
      if (isCommand && key === 's') {
        event.preventDefault();
        if (mayWrite) save();
        return;
      }
      if (isTyping(event.target) || event.defaultPrevented) return;
      const [first] = selection.steps;
      const act = (work: () => void) => {
        event.preventDefault();
        work();
      };
      if (key === 'escape') {
        close();
        return;
      }
      if (isCommand && key === 'a') {
        act(() => commands.selectAll());
        return;
      }
      if (!mayWrite) return;
      if (isCommand && key === 'z') {
        act(event.shiftKey ? redo : undo);
        return;
      }
      if (isCommand && key === 'y') {
        act(redo);
        return;
      }
      if (isCommand && key === 'd' && first) {
        act(() => commands.duplicate([...selection.steps]));
        return;
      }
      if (isCommand || event.altKey) return;
      if (key === 'a') {
        act(() => commands.addAfter(first));
        return;
      }
      if (key === 'c' && first) {
        act(() => commands.connectTo(first));
        return;
      }
    }
    addEventListener('keydown', onKeyDown);
    return () => removeEventListener('keydown', onKeyDown);
  }, []);
}

interface ClipboardHandlers {
  mayWrite: boolean;
  /** undefined: nothing is selected. */
  copied(): string | undefined;
  removed(): void;
  pasted(text: string): boolean;
}

/** The clipboard events of the browser, which need no permission. */
export function useClipboardEvents(handlers: ClipboardHandlers): void {
  const current = useRef(handlers);
  current.current = handlers;
  useEffect(() => {
    const onCopy = (event: ClipboardEvent) => {
      if (isTyping(event.target) || String(getSelection() ?? '') !== '') return;
      const text = current.current.copied();
      if (text === undefined) return;
      event.clipboardData?.setData('text/plain', text);
      event.preventDefault();
      if (event.type === 'cut' && current.current.mayWrite) current.current.removed();
    };
    const onPaste = (event: ClipboardEvent) => {
      if (isTyping(event.target) || !current.current.mayWrite) return;
      if (current.current.pasted(event.clipboardData?.getData('text/plain') ?? ''))
        event.preventDefault();
    };
    document.addEventListener('copy', onCopy);
    document.addEventListener('cut', onCopy);
    document.addEventListener('paste', onPaste);
    return () => {
      document.removeEventListener('copy', onCopy);
      document.removeEventListener('cut', onCopy);
      document.removeEventListener('paste', onPaste);
    };
  }, []);
}
