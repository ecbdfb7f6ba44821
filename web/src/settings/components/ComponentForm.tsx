// Edits a version of a component, or writes a new one, in a form or as JSON.
import { Button, Group, SegmentedControl, Stack } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import { JsonEditor, parseJson } from '../../shared/code/editors.tsx';
import { ErrorState } from '../../shared/states.tsx';
import type { Json } from '../../shared/supabase.ts';
import { ComponentFields } from './ComponentFields.tsx';
import { type Draft, draftFromJson, jsonOf, type Stage } from './draft.ts';
import { SchemaFields, type SchemaTexts, schemasOf, textsOf } from './SchemaFields.tsx';

interface Props {
  initial: Draft;
  stage: Stage;
  action: string;
  isRunning: boolean;
  error: Error | null;
  onSave(draft: Draft): void;
  /** More buttons. */
  children?: ReactNode;
}

export function ComponentForm({ initial, stage, action, isRunning, error, ...props }: Props) {
  const [mode, setMode] = useState('form');
  const [draft, setDraft] = useState(initial);
  const [schemas, setSchemas] = useState<SchemaTexts>(() => textsOf(initial));
  const [json, setJson] = useState('');
  const [problem, setProblem] = useState<string>();

  /** The draft as the visible editor has it; undefined shows why it cannot be read. */
  function read(): Draft | undefined {
    try {
      const found =
        mode === 'json'
          ? draftFromJson(parseJson(json) as Json, stage === 'saved' ? initial : undefined)
          : { ...draft, ...schemasOf(schemas) };
      setProblem(undefined);
      return found;
    } catch (failure) {
      setProblem((failure as Error).message);
      return undefined;
    }
  }
  function change(next: string): void {
    const found = read();
    if (found === undefined) return;
    setDraft(found);
    setSchemas(textsOf(found));
    setJson(jsonOf(found));
    setMode(next);
  }
  function submit(event: FormEvent): void {
    event.preventDefault();
    const found = read();
    if (found !== undefined) props.onSave(found);
  }
  return (
    <form onSubmit={submit}>
      <Stack maw={720}>
        <Group>
          <SegmentedControl
            size="xs"
            aria-label="How to edit the component"
            data={[
              { value: 'form', label: 'Form' },
              { value: 'json', label: 'JSON' },
            ]}
            value={mode}
            onChange={change}
          />
        </Group>
        {mode === 'form' ? (
          <>
            <ComponentFields draft={draft} stage={stage} onChange={setDraft} />
            <SchemaFields texts={schemas} onChange={setSchemas} />
          </>
        ) : (
          <JsonEditor
            label="Component as JSON"
            value={json}
            minHeight={360}
            maxHeight={640}
            onChange={setJson}
          />
        )}
        {problem && <ErrorState error={new Error(problem)} />}
        {error && <ErrorState error={error} />}
        <Group>
          <Button type="submit" loading={isRunning}>
            {action}
          </Button>
          {props.children}
        </Group>
      </Stack>
    </form>
  );
}
