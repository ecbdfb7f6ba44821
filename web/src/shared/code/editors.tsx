// Editors of text in a language, on CodeMirror, which is loaded when the first one is shown.
//
// `<JsonEditor label="Input" value={text} onChange={setText} />` edits JSON as text; parseJson(text) reads it.
// `<ExpressionEditor label="Condition" value={…} onChange={…} completions={…} check={…} />` edits a JSONata expression in
// one line or several; `completions` is a source of CodeMirror, `check` returns problems with positions.
// `<CodeEditor language="javascript" …/>` edits code.
import { Input, Skeleton } from '@mantine/core';
import { lazy, type ReactNode, Suspense, useId } from 'react';
import { parseJsonToPassOn } from '../../../../functions/_shared/text/json-numbers.ts';
import type { Json } from '../supabase.ts';
import type { CodeMirrorProps } from './CodeMirror.tsx';
import classes from './editors.module.css';

const CodeMirror = lazy(() => import('./CodeMirror.tsx'));

export interface EditorProps
  extends Omit<CodeMirrorProps, 'describedBy' | 'isInvalid' | 'language'> {
  description?: ReactNode;
  /** Shown below in red. */
  error?: ReactNode;
  /** The label is for screen readers only. */
  isLabelHidden?: boolean;
}

export function CodeEditor({
  language,
  description,
  error,
  isLabelHidden = false,
  ...props
}: EditorProps & Pick<CodeMirrorProps, 'language'>) {
  const id = useId();
  const { label, isSingleLine = false, minHeight = isSingleLine ? 34 : 160 } = props;
  return (
    <div>
      {!isLabelHidden && (
        <Input.Label labelElement="div" aria-hidden="true">
          {label}
        </Input.Label>
      )}
      {description && <Input.Description mb={4}>{description}</Input.Description>}
      <div className={classes.frame} data-invalid={error ? true : undefined}>
        <Suspense fallback={<Skeleton height={minHeight} />}>
          <CodeMirror
            {...props}
            language={language}
            minHeight={minHeight}
            maxHeight={props.maxHeight ?? 480}
            isInvalid={Boolean(error)}
            describedBy={error ? id : undefined}
          />
        </Suspense>
      </div>
      {error && (
        <Input.Error id={id} role="alert" mt={4}>
          {error}
        </Input.Error>
      )}
    </div>
  );
}

export const JsonEditor = (props: EditorProps) => <CodeEditor {...props} language="json" />;

export const ExpressionEditor = (props: EditorProps) => (
  <CodeEditor isSingleLine {...props} language="expression" />
);

/** The value of a text; numbers keep all their digits. Throws a SyntaxError. */
export const parseJson = (text: string): Json => parseJsonToPassOn(text) as Json;
