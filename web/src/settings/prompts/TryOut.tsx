// Tries the text of a prompt with a model: the answer appears while the model writes it, then tokens and cost.
import { Paper, Stack, Text, Title } from '@mantine/core';
import { useState } from 'react';
import { exampleOf } from '../../../../functions/_shared/expressions/schema-example.ts';
import { ErrorState } from '../../shared/states.tsx';
import type { Json } from '../../shared/supabase.ts';
import { ModelFields } from '../testing/ModelFields.tsx';
import { workflowNameOf } from '../testing/names.ts';
import { TestResult } from '../testing/TestResult.tsx';
import { useTestRun } from '../testing/use-test-run.ts';
import { ValueInput } from '../testing/ValueInput.tsx';
import { modelOf, schemaOf, tryDefinition, withDefaults } from './try-definition.ts';

interface Props {
  name: string;
  text: string;
  /** The declared variables; undefined while their JSON cannot be read. */
  variables: unknown;
  recommended: readonly string[];
}

export function TryOut({ name, text, variables, recommended }: Props) {
  const [model, setModel] = useState(() => modelOf(recommended[0]));
  const { runId, start } = useTestRun(workflowNameOf('prompt', name || 'new'));
  const schema = schemaOf(variables);
  const isReady = text.trim() !== '' && model.model !== '' && variables !== undefined;
  return (
    <Paper
      bg="var(--sb-surface)"
      withBorder
      p="lg"
      radius="md"
      component="section"
      aria-label="Try it"
    >
      <Stack>
        <div>
          <Title order={3} size="h5">
            Try it
          </Title>
          <Text size="sm" c="dimmed">
            The text as it is now, saved or not. The call is counted in the budget.
          </Text>
        </div>
        <ModelFields model={model} recommended={recommended} onChange={setModel} />
        <ValueInput
          key={JSON.stringify(schema)}
          label="Values of the variables"
          schema={schema}
          initial={(exampleOf(schema) ?? {}) as Json}
          action="Ask the model"
          isReady={isReady}
          isRunning={start.isRunning}
          onSend={(value) =>
            start.run({
              definition: tryDefinition(text, model),
              input: withDefaults(variables, value),
            })
          }
        />
        {start.error && <ErrorState error={start.error} />}
        {runId && <TestResult key={runId} runId={runId} stepId="ask" />}
      </Stack>
    </Paper>
  );
}
