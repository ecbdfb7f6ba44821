// Calls a component with an input, as a step would, and shows the answer and the signed request.
import { Alert, Stack, Text } from '@mantine/core';
import { exampleOf } from '../../../../functions/_shared/expressions/schema-example.ts';
import { ErrorState } from '../../shared/states.tsx';
import type { Json } from '../../shared/supabase.ts';
import { workflowNameOf } from '../testing/names.ts';
import { TestResult } from '../testing/TestResult.tsx';
import { useMayTest, useTestRun } from '../testing/use-test-run.ts';
import { ValueInput } from '../testing/ValueInput.tsx';
import { type Component, meantVersion, testDefinition } from './draft.ts';

interface Props {
  component: Component;
  versions: readonly Component[];
}

/** Why it cannot be called, in words. */
function refusal(component: Component, versions: readonly Component[], mayTest: boolean) {
  if (!mayTest) return 'A test call needs the permissions run:execute and workflow:publish.';
  if (component.implementation_type === 'user_task') {
    return 'A user task asks a person. Test it in a workflow: the editor has a test run.';
  }
  if (!component.is_active) return 'The component is turned off.';
  const meant = meantVersion(versions);
  return meant && meant.id !== component.id
    ? `The name means the version ${meant.version}. Open that version to call it.`
    : undefined;
}

export function TestCall({ component, versions }: Props) {
  const mayTest = useMayTest();
  const { runId, start } = useTestRun(workflowNameOf('component', component.name));
  const refused = refusal(component, versions, mayTest);
  if (refused) {
    return (
      <Alert variant="light" color="gray">
        <Text size="sm">{refused}</Text>
      </Alert>
    );
  }
  const schema = (component.input_schema ?? {}) as Json;
  const isCall = component.endpoint !== null;
  return (
    <Stack maw={720}>
      <Text size="sm" c="dimmed">
        {isCall
          ? `${component.endpoint} gets the call with all its effects.`
          : 'The model is called, and the call is counted in the budget.'}
      </Text>
      <ValueInput
        label="Input"
        schema={schema}
        initial={(exampleOf(schema) ?? {}) as Json}
        action="Call"
        isRunning={start.isRunning}
        onSend={(input) => start.run({ definition: testDefinition(component), input })}
      />
      {start.error && <ErrorState error={start.error} />}
      {runId && <TestResult key={runId} runId={runId} stepId="call" hasHeaders={isCall} />}
    </Stack>
  );
}
