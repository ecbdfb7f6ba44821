// The CodeMirror behind JsonEditor and ExpressionEditor; loaded on demand, because it is large. Tab moves the focus out:
// Escape is not needed first.
import { autocompletion, type CompletionSource, closeBrackets } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { javascript } from '@codemirror/lang-javascript';
import { json, jsonParseLinter } from '@codemirror/lang-json';
import {
  bracketMatching,
  foldGutter,
  foldKeymap,
  HighlightStyle,
  syntaxHighlighting,
} from '@codemirror/language';
import { type Diagnostic, linter, lintGutter } from '@codemirror/lint';
import { Compartment, EditorState, type Extension } from '@codemirror/state';
import { EditorView, keymap, lineNumbers, placeholder as placeholderOf } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useEffect, useRef } from 'react';

export interface CodeMirrorProps {
  value: string;
  onChange?(value: string): void;
  language: 'json' | 'javascript' | 'expression' | 'text';
  /** The accessible name. */
  label: string;
  /** The id of the element that explains it or shows its error. */
  describedBy?: string | undefined;
  isInvalid?: boolean;
  isReadOnly?: boolean;
  /** One line, which Enter does not break. */
  isSingleLine?: boolean;
  placeholder?: string;
  completions?: CompletionSource;
  /** Problems of the text, as positions with messages. */
  check?(text: string): readonly Diagnostic[] | Promise<readonly Diagnostic[]>;
  minHeight?: number;
  maxHeight?: number;
}

const colors = HighlightStyle.define([
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--sb-done)' },
  { tag: [tags.number, tags.bool], color: 'var(--sb-running)' },
  { tag: [tags.null, tags.comment], color: 'var(--sb-neutral)' },
  { tag: [tags.keyword, tags.operator], color: 'var(--sb-waiting)' },
  { tag: tags.propertyName, color: 'var(--mantine-color-text)' },
]);

const look = EditorView.theme({
  '&': { fontSize: '13px', color: 'var(--mantine-color-text)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-content': { fontFamily: 'var(--mantine-font-family-monospace)', caretColor: 'currentColor' },
  '.cm-cursor': { borderLeftColor: 'currentColor' },
  '.cm-gutters': {
    backgroundColor: 'transparent',
    color: 'var(--mantine-color-dimmed)',
    border: '0',
  },
  '.cm-placeholder': { color: 'var(--mantine-color-placeholder)' },
  '.cm-tooltip': {
    backgroundColor: 'var(--sb-surface)',
    border: '1px solid var(--sb-line)',
    color: 'var(--mantine-color-text)',
  },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground, ::selection': {
    backgroundColor: 'color-mix(in srgb, var(--sb-running) 30%, transparent) !important',
  },
});

const LANGUAGES: Readonly<Record<CodeMirrorProps['language'], () => Extension>> = {
  json: () => [json(), linter(jsonParseLinter(), { delay: 400 })],
  javascript: () => javascript(),
  // JSONata shares the tokens of JavaScript.
  expression: () => javascript(),
  text: () => [],
};

/** Refuses line breaks, also in pasted text. */
const singleLine = EditorState.transactionFilter.of((change) =>
  change.newDoc.lines > 1 ? [] : [change],
);

export default function CodeMirror(props: CodeMirrorProps) {
  const { value, language, label, describedBy, isInvalid = false, isReadOnly = false } = props;
  const { isSingleLine = false, placeholder, minHeight, maxHeight } = props;
  const frame = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const changing = useRef(new Compartment());
  const current = useRef(props);
  current.current = props;

  const attributes = EditorView.contentAttributes.of({
    'aria-label': label,
    ...(describedBy ? { 'aria-describedby': describedBy } : {}),
    ...(isInvalid ? { 'aria-invalid': 'true' } : {}),
  });
  const settings = [attributes, EditorState.readOnly.of(isReadOnly)];

  // biome-ignore lint/correctness/useExhaustiveDependencies: made once for a language; later changes are dispatched
  useEffect(() => {
    const made = new EditorView({
      parent: frame.current as HTMLDivElement,
      state: EditorState.create({
        doc: value,
        extensions: [
          history(),
          bracketMatching(),
          closeBrackets(),
          keymap.of([...defaultKeymap, ...historyKeymap, ...foldKeymap]),
          LANGUAGES[language](),
          syntaxHighlighting(colors),
          look,
          EditorView.lineWrapping,
          isSingleLine ? singleLine : [lineNumbers(), foldGutter(), lintGutter()],
          placeholder ? placeholderOf(placeholder) : [],
          autocompletion({
            override: [(context) => current.current.completions?.(context) ?? null],
          }),
          linter((editor) => current.current.check?.(editor.state.doc.toString()) ?? [], {
            delay: 400,
          }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) current.current.onChange?.(update.state.doc.toString());
          }),
          changing.current.of(settings),
        ],
      }),
    });
    view.current = made;
    return () => made.destroy();
  }, [language, isSingleLine]);

  useEffect(() => {
    view.current?.dispatch({ effects: changing.current.reconfigure(settings) });
  });

  useEffect(() => {
    const shown = view.current?.state.doc.toString();
    if (view.current && shown !== value) {
      view.current.dispatch({ changes: { from: 0, to: shown?.length ?? 0, insert: value } });
    }
  }, [value]);

  return <div ref={frame} style={{ minHeight, maxHeight, overflow: 'auto' }} />;
}
