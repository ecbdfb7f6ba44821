// A JSON value, written in a form that its schema describes, or as JSON. The button sends it.
import { Button, Group, SegmentedControl, Stack } from '@mantine/core';
import { useState } from 'react';
import { JsonEditor, parseJson } from '../../shared/code/editors.tsx';
import { isFormable, SchemaForm } from '../../shared/form/SchemaForm.tsx';
import type { Json } from '../../shared/supabase.ts';

interface Props {
  /** For screen readers and as the heading of the JSON. */
  label: string;
  schema: Json;
  initial: Json;
  action: string;
  isRunning: boolean;
  isReady?: boolean;
  onSend(value: Json): void;
}

export function ValueInput({ label, schema, initial, action, isReady = true, ...props }: Props) {
  const hasForm = isFormable(schema);
  const [mode, setMode] = useState(hasForm ? 'form' : 'json');
  const [value, setValue] = useState<Json>(initial);
  const [text, setText] = useState(() => JSON.stringify(initial, null, 2));
  const [problem, setProblem] = useState<string>();

  function read(): Json | undefined {
    try {
      const parsed = parseJson(text);
      setProblem(undefined);
      return parsed;
    } catch (error) {
      setProblem((error as Error).message);
      return undefined;
    }
  }
  function change(next: string): void {
    if (next === 'json') setText(JSON.stringify(value, null, 2));
    else {
      const parsed = read();
      if (parsed === undefined) return;
      setValue(parsed);
    }
    setMode(next);
  }
  function send(): void {
    const parsed = read();
    if (parsed !== undefined) props.onSend(parsed);
  }
  return (
    <Stack gap="sm">
      {hasForm && (
        <Group>
          <SegmentedControl
            size="xs"
            aria-label={`How to write: ${label}`}
            data={[
              { value: 'form', label: 'Form' },
              { value: 'json', label: 'JSON' },
            ]}
            value={mode}
            onChange={change}
          />
        </Group>
      )}
      {mode === 'form' ? (
        <SchemaForm
          idPrefix="test-input"
          schema={schema}
          value={value}
          onChange={setValue}
          onSubmit={props.onSend}
        >
          <Group mt="md">
            <Button type="submit" loading={props.isRunning} disabled={!isReady}>
              {action}
            </Button>
          </Group>
        </SchemaForm>
      ) : (
        <>
          <JsonEditor
            label={label}
            value={text}
            minHeight={90}
            error={problem}
            onChange={setText}
          />
          <Group>
            <Button loading={props.isRunning} disabled={!isReady} onClick={send}>
              {action}
            </Button>
          </Group>
        </>
      )}
    </Stack>
  );
}
