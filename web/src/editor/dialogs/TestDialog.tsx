// Tests the whole draft: starts a run of it with an input. Steps with pinned data do not run. The canvas then shows the
// states and the data of that run.
import { Alert, Button, Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import type { Json } from '../../../../types/database.ts';
import { JsonEditor, parseJson } from '../../shared/code/editors.tsx';
import { Drawer } from '../../shared/dialogs.tsx';
import { describe } from '../../shared/errors.ts';
import { isFormable, SchemaForm } from '../../shared/form/SchemaForm.tsx';
import { ask, useAction } from '../../shared/query.ts';
import { supabase } from '../../shared/supabase.ts';
import { useEditor } from '../editor-context.tsx';
import { pinsOf, withPins } from '../model/pins.ts';

interface Props {
  onClose(): void;
  onStarted(runId: string): void;
}

export function TestDialog({ onClose, onStarted }: Props) {
  const { doc, workflow, run } = useEditor();
  const { definition, inputSchema } = doc.draft;
  const hasForm = inputSchema !== null && isFormable(inputSchema);
  const [mode, setMode] = useState(hasForm ? 'form' : 'json');
  const [input, setInput] = useState<Json>(run?.run.input ?? {});
  const [text, setText] = useState(() => JSON.stringify(run?.run.input ?? {}, null, 2));
  const pins = pinsOf(definition);
  const errors = doc.faults.filter(({ severity }) => severity === 'error').length;

  const test = useAction(
    async (given: Json) =>
      ask(
        supabase.rpc('test_workflow', {
          kebab_name: workflow.kebab_name,
          definition: withPins(definition, pins) as Json,
          input: given,
          ...(inputSchema === null ? {} : { input_schema: inputSchema as Json }),
        }),
      ),
    { onSuccess: (started) => onStarted((started as { id: string }).id), isQuiet: true },
  );

  return (
    <Drawer opened onClose={onClose} position="right" title="Test the draft" size="md">
      <Stack>
        <Text size="sm" c="dimmed">
          A test run executes the steps with all their effects, such as mails and calls.{' '}
          {pins.size > 0 && `Steps with pinned data do not run: ${[...pins.keys()].join(', ')}.`}
        </Text>
        {errors > 0 && (
          <Alert color="red" variant="light">
            <Text size="sm" c="var(--mantine-color-text)">
              Mend the {errors === 1 ? 'problem' : `${errors} problems`} of the draft first.
            </Text>
          </Alert>
        )}
        {hasForm && (
          <SegmentedControl
            size="xs"
            aria-label="How to write the input"
            data={[
              { value: 'form', label: 'Form' },
              { value: 'json', label: 'JSON' },
            ]}
            value={mode}
            onChange={(next) => {
              if (next === 'json') setText(JSON.stringify(input, null, 2));
              setMode(next);
            }}
          />
        )}
        {mode === 'form' && hasForm ? (
          <SchemaForm
            idPrefix="test"
            schema={inputSchema ?? {}}
            value={input ?? {}}
            onChange={setInput}
            onSubmit={(value) => test.run(value)}
          >
            <Group mt="md">
              <Button type="submit" loading={test.isRunning} disabled={errors > 0}>
                Start test run
              </Button>
            </Group>
          </SchemaForm>
        ) : (
          <>
            <JsonEditor label="Input" value={text} onChange={setText} />
            <Group>
              <Button
                loading={test.isRunning}
                disabled={errors > 0}
                onClick={() => {
                  try {
                    test.run(parseJson(text));
                  } catch {
                    // The editor marks the place.
                  }
                }}
              >
                Start test run
              </Button>
            </Group>
          </>
        )}
        {test.error && (
          <Text size="sm" c="var(--mantine-color-error)" role="alert">
            {describe(test.error).text}
          </Text>
        )}
      </Stack>
    </Drawer>
  );
}
