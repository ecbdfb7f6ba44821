// The data of a step: its output in the chosen run, the pinned output that stands for it in tests, and a test of the step
// alone with the data of the steps before it.
import { Alert, Anchor, Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Json } from '../../../../types/database.ts';
import { useHref } from '../../shared/address.tsx';
import { useMay } from '../../shared/app.tsx';
import { JsonEditor, parseJson } from '../../shared/code/editors.tsx';
import { JsonView } from '../../shared/JsonView.tsx';
import { ask, useAction } from '../../shared/query.ts';
import { StatusBadge } from '../../shared/StatusBadge.tsx';
import { supabase } from '../../shared/supabase.ts';
import { useRun } from '../../shared/use-run.ts';
import { useStepValues } from '../../shared/use-step-values.ts';
import { useEditor } from '../editor-context.tsx';
import { isObject, type Step, upstreamOf } from '../model/definition.ts';
import { changeData } from '../model/edits.ts';
import { PIN_KEY, pinOf, testOfStep } from '../model/pins.ts';

function TestResult({
  runId,
  stepId,
  onPin,
}: {
  runId: string;
  stepId: string;
  onPin(output: Json, handle: string | null): void;
}) {
  const { snapshot, error } = useRun(runId);
  const href = useHref();
  const attempt = useStepValues(snapshot)
    .filter(({ step_id }) => step_id === stepId)
    .sort((a, b) => b.attempt - a.attempt)[0];
  return (
    <Stack gap="xs" aria-live="polite" data-test-result={attempt?.status ?? 'pending'}>
      <Group justify="space-between">
        <StatusBadge name={attempt?.status ?? 'pending'} />
        <Anchor size="sm" href={href(`/runs/${runId}`)}>
          Open the test run
        </Anchor>
      </Group>
      {error && <Text size="sm">{error.message}</Text>}
      {attempt?.error != null && <JsonView label="Error" value={attempt.error} />}
      {attempt?.status === 'completed' && (
        <>
          <JsonView label="Output of the test" value={attempt.output} maxHeight={260} />
          <Button size="xs" variant="default" onClick={() => onPin(attempt.output, attempt.handle)}>
            Pin this output
          </Button>
        </>
      )}
    </Stack>
  );
}

export function StepData({ step }: { step: Step }) {
  const { doc, workflow, outputs, statuses, run, mayWrite } = useEditor();
  const mayPublish = useMay('workflow:publish');
  const mayTest = useMay('run:execute') && mayPublish;
  const pin = pinOf(step);
  const before = upstreamOf(doc.draft.definition, step.id);
  const given = {
    input: run?.run.input ?? {},
    steps: Object.fromEntries(before.map((id) => [id, outputs.get(id) ?? null])),
  };
  const [text, setText] = useState<string>();
  const [runId, setRunId] = useState<string>();
  const shown = text ?? JSON.stringify(given, null, 2);

  const setPin = (output: Json | undefined, handle: string | null) =>
    doc.change(
      (draft) =>
        changeData(draft, step.id, {
          [PIN_KEY]:
            output === undefined ? undefined : { output, ...(handle === null ? {} : { handle }) },
        }),
      `pin ${step.id}`,
    );

  const test = useAction(
    () => {
      const data = parseJson(shown);
      const values = isObject(data) && isObject(data.steps) ? data.steps : {};
      const input = isObject(data) && isObject(data.input) ? data.input : {};
      const definition = testOfStep(
        doc.draft.definition,
        step.id,
        new Map(Object.entries(values).map(([id, value]) => [id, value ?? null])),
      );
      return ask(
        supabase.rpc('test_workflow', {
          kebab_name: workflow.kebab_name,
          definition: definition as Json,
          input: input as Json,
        }),
      );
    },
    { onSuccess: (started) => setRunId((started as { id: string }).id), isQuiet: true },
  );

  return (
    <Stack gap="md">
      <div>
        <Text size="sm" fw={600} mb={4}>
          Output in the chosen run
        </Text>
        {run === undefined ? (
          <Text size="sm" c="dimmed">
            Choose a run above to see its data.
          </Text>
        ) : statuses.get(step.id) === 'completed' && pin === undefined ? (
          <>
            <JsonView label="Output" value={outputs.get(step.id)} maxHeight={240} />
            {mayWrite && (
              <Button
                size="xs"
                variant="default"
                mt="xs"
                onClick={() =>
                  setPin(
                    outputs.get(step.id) ?? null,
                    run.steps.find(
                      ({ step_id, status }) => step_id === step.id && status === 'completed',
                    )?.handle ?? null,
                  )
                }
              >
                Pin this output
              </Button>
            )}
          </>
        ) : (
          <StatusBadge name={statuses.get(step.id) ?? 'pending'} />
        )}
      </div>
      {pin !== undefined && (
        <div>
          <Text size="sm" fw={600}>
            Pinned output
          </Text>
          <Text size="xs" c="dimmed" mb={4}>
            In tests the step does not run and gives this output. Runs of a published version ignore
            it.
          </Text>
          <PinEditor
            pin={pin}
            isDisabled={!mayWrite}
            onChange={(output, handle) => setPin(output, handle)}
          />
          {mayWrite && (
            <Button size="xs" variant="default" mt="xs" onClick={() => setPin(undefined, null)}>
              Remove the pin
            </Button>
          )}
        </div>
      )}
      {pin === undefined && mayWrite && (
        <Button
          size="xs"
          variant="default"
          style={{ alignSelf: 'flex-start' }}
          onClick={() => setPin({}, null)}
        >
          Pin an output by hand
        </Button>
      )}
      {mayTest && (
        <div>
          <Text size="sm" fw={600}>
            Test this step
          </Text>
          <Text size="xs" c="dimmed" mb={4}>
            Runs the step as it is, with its effects. The steps before it do not run: their outputs
            are below.
          </Text>
          <JsonEditor
            label="Data of the test"
            isLabelHidden
            value={shown}
            onChange={setText}
            minHeight={90}
            maxHeight={240}
            error={test.error ? test.error.message : undefined}
          />
          <Group mt="xs" mb="sm">
            <Button size="xs" loading={test.isRunning} onClick={() => test.run()}>
              Test step
            </Button>
            {text !== undefined && (
              <Button size="xs" variant="subtle" onClick={() => setText(undefined)}>
                Reset the data
              </Button>
            )}
          </Group>
          {runId !== undefined && (
            <TestResult
              key={runId}
              runId={runId}
              stepId={step.id}
              onPin={(output, handle) => setPin(output, handle)}
            />
          )}
        </div>
      )}
      {!mayTest && (
        <Alert variant="light" color="gray" p="xs">
          <Text size="sm" c="var(--mantine-color-text)">
            Tests execute steps, so they need the permission to publish.
          </Text>
        </Alert>
      )}
    </Stack>
  );
}

function PinEditor({
  pin,
  isDisabled,
  onChange,
}: {
  pin: { output: Json; handle: string | null };
  isDisabled: boolean;
  onChange(output: Json, handle: string | null): void;
}) {
  const [text, setText] = useState(() => JSON.stringify(pin.output, null, 2));
  const [fault, setFault] = useState<string>();
  return (
    <Stack gap="xs">
      <JsonEditor
        label="Pinned output"
        isLabelHidden
        value={text}
        isReadOnly={isDisabled}
        minHeight={70}
        maxHeight={220}
        error={fault}
        onChange={(next) => {
          setText(next);
          try {
            const output = parseJson(next);
            setFault(undefined);
            onChange(output, pin.handle);
          } catch (problem) {
            setFault(`Not valid JSON: ${(problem as Error).message}`);
          }
        }}
      />
      <TextInput
        size="xs"
        label="Outcome"
        placeholder="completed"
        description="The handle by which the step is left, such as approved."
        value={pin.handle ?? ''}
        disabled={isDisabled}
        onChange={(event) => onChange(pin.output, event.currentTarget.value || null)}
      />
    </Stack>
  );
}
