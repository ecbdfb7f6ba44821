// Runs the workflow again: as a whole or from a step, with the same or another input, with outputs of steps that a person
// sets, and with a preview of what is reused.
import { Button, Collapse, Group, Select, Stack, Textarea } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { type FormEvent, useState } from 'react';
import { JsonEditor, parseJson } from '../../shared/code/editors.tsx';
import { Modal } from '../../shared/dialogs.tsx';
import { describe } from '../../shared/errors.ts';
import { isFormable, SchemaForm } from '../../shared/form/SchemaForm.tsx';
import { ask, useAppQuery } from '../../shared/query.ts';
import { type Json, type Run, supabase } from '../../shared/supabase.ts';
import type { RunNode, RunVersion } from '../../shared/use-run.ts';
import { Preview, type PreviewAnswer } from './Preview.tsx';
import { useStarting } from './use-run-actions.ts';

interface Props {
  run: Run;
  version: RunVersion;
  nodes: RunNode[];
  from: string | null;
  onClose(): void;
}

interface Wish {
  from_step?: string;
  input?: Json;
  outputs?: Json;
}

const asText = (value: unknown) => JSON.stringify(value, null, 2);

/** The value of the text, or why it is none. */
function read(text: string): { value: Json; problem?: never } | { value?: never; problem: string } {
  try {
    return { value: parseJson(text) };
  } catch (error) {
    return { problem: `This is not JSON: ${(error as Error).message}` };
  }
}

export default function RerunDialog({ run, version, nodes, from, onClose }: Props) {
  const [fromStep, setFromStep] = useState(from);
  const [input, setInput] = useState<Json>(run.input);
  const [inputText, setInputText] = useState(() => asText(run.input));
  const schema = version.input_schema ?? undefined;
  const [isText, setText] = useState(!isFormable(schema));
  const [isEditing, setEditing] = useState(false);
  const [outputsText, setOutputsText] = useState('{}');
  const [reason, setReason] = useState('');

  const typed = isText ? read(inputText) : { value: input };
  const outputs = read(outputsText);
  const wish: Wish = {
    ...(fromStep === null ? {} : { from_step: fromStep }),
    ...(typed.value === undefined || asText(typed.value) === asText(run.input)
      ? {}
      : { input: typed.value }),
    ...(outputs.value === undefined || asText(outputs.value) === '{}'
      ? {}
      : { outputs: outputs.value }),
  };
  const [asked] = useDebouncedValue(JSON.stringify(wish), 350);
  const isBroken = typed.problem !== undefined || outputs.problem !== undefined;
  const preview = useAppQuery(
    ['preview-rerun', run.id, asked],
    async (signal) =>
      (await ask(
        supabase
          .rpc('preview_rerun', { run_id: run.id, ...(JSON.parse(asked) as Wish) })
          .abortSignal(signal),
      )) as unknown as PreviewAnswer,
    { enabled: !isBroken, placeholderData: (known) => known, retry: false },
  );
  const start = useStarting(
    async () =>
      (await ask(
        supabase.rpc('rerun', { run_id: run.id, ...wish, ...(reason ? { reason } : {}) }),
      )) as unknown as Run,
    'The new run has started.',
  );

  function submit(event: FormEvent): void {
    event.preventDefault();
    if (!isBroken) start.run();
  }

  function toggleText(): void {
    if (isText && typed.value !== undefined) setInput(typed.value);
    if (!isText) setInputText(asText(input));
    setText(!isText);
  }

  return (
    <Modal opened onClose={onClose} title="Run again" size="lg">
      <Stack>
        <Select
          label="From"
          description="Results of steps that do not depend on this step are reused."
          data={nodes.map(({ node_id, label }) => ({ value: node_id, label: label || node_id }))}
          placeholder="The start"
          value={fromStep}
          onChange={setFromStep}
          clearable
          searchable
          limit={50}
        />
        {isText || schema === undefined ? (
          <JsonEditor
            label="Input"
            value={inputText}
            onChange={setInputText}
            minHeight={120}
            {...(typed.problem ? { error: typed.problem } : {})}
          />
        ) : (
          <SchemaForm schema={schema} value={input} onChange={setInput} idPrefix="rerun">
            <span />
          </SchemaForm>
        )}
        <Group gap="xs">
          {isFormable(schema) && (
            <Button variant="subtle" size="compact-sm" onClick={toggleText} disabled={isBroken}>
              {isText ? 'Edit the input as a form' : 'Edit the input as JSON'}
            </Button>
          )}
          <Button
            variant="subtle"
            size="compact-sm"
            aria-expanded={isEditing}
            onClick={() => setEditing(!isEditing)}
          >
            Set outputs of steps
          </Button>
        </Group>
        <Collapse expanded={isEditing}>
          <JsonEditor
            label="Outputs by step"
            description='Steps that count as completed with your output, such as {"pay": {"paid": true}}.'
            value={outputsText}
            onChange={setOutputsText}
            minHeight={80}
            {...(outputs.problem ? { error: outputs.problem } : {})}
          />
        </Collapse>
        <Preview preview={preview.data} error={preview.error} />
        <form onSubmit={submit}>
          <Stack>
            <Textarea
              label="Reason (optional)"
              value={reason}
              maxLength={1_000}
              autosize
              minRows={1}
              onChange={(event) => setReason(event.currentTarget.value)}
              {...(start.error ? { error: describe(start.error).text } : {})}
            />
            <Group justify="flex-end">
              <Button variant="default" onClick={onClose}>
                Close
              </Button>
              <Button
                type="submit"
                loading={start.isRunning}
                disabled={isBroken || preview.error !== null}
              >
                Start the rerun
              </Button>
            </Group>
          </Stack>
        </form>
      </Stack>
    </Modal>
  );
}
