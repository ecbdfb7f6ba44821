// Tries the text of a prompt with a model: the answer appears while the model writes it, then tokens and cost.
import {
  Autocomplete,
  NativeSelect,
  Paper,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
  Title,
} from '@mantine/core';
import { useState } from 'react';
import { exampleOf } from '../../../../functions/_shared/expressions/schema-example.ts';
import { useMay } from '../../shared/app.tsx';
import { ask, useAppQuery } from '../../shared/query.ts';
import { ErrorState } from '../../shared/states.tsx';
import { type Json, supabase } from '../../shared/supabase.ts';
import { workflowNameOf } from '../testing/names.ts';
import { TestResult } from '../testing/TestResult.tsx';
import { useTestRun } from '../testing/use-test-run.ts';
import { ValueInput } from '../testing/ValueInput.tsx';
import { schemaOf, tryDefinition, withDefaults } from './try-definition.ts';
import { useModels } from './use-models.ts';

/** As the step type llm_call has them. */
const PROVIDERS = ['openai-compatible', 'openai', 'anthropic'];

interface Props {
  name: string;
  text: string;
  /** The declared variables; undefined while their JSON cannot be read. */
  variables: unknown;
  recommended: readonly string[];
}

/** Names of secrets that can be the key of a provider. */
function useSecretNames(): string[] {
  const { data } = useAppQuery(
    ['secrets', 'names'],
    async (signal) => await ask(supabase.rpc('list_secrets').abortSignal(signal)),
    { enabled: useMay('secret:read') },
  );
  return (data ?? []).map(({ name }) => name);
}

export function TryOut({ name, text, variables, recommended }: Props) {
  const [provider, setProvider] = useState('openai-compatible');
  const [model, setModel] = useState(recommended[0] ?? 'gpt-4o-mini');
  const [secret, setSecret] = useState('');
  const [address, setAddress] = useState('');
  const models = useModels(recommended);
  const secrets = useSecretNames();
  const { runId, start } = useTestRun(workflowNameOf('prompt', name || 'new'));
  const schema = schemaOf(variables);
  const isReady = text.trim() !== '' && model !== '' && variables !== undefined;
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
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <Autocomplete label="Model" value={model} data={models} onChange={setModel} />
          <NativeSelect
            label="Provider"
            value={provider}
            data={PROVIDERS}
            onChange={(event) => setProvider(event.currentTarget.value)}
          />
        </SimpleGrid>
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <NativeSelect
            label="Key"
            value={secret}
            data={[
              { value: '', label: 'The key of the operator' },
              ...secrets.map((each) => ({ value: each, label: `Secret ${each}` })),
            ]}
            onChange={(event) => setSecret(event.currentTarget.value)}
          />
          <TextInput
            label="Address"
            type="url"
            value={address}
            placeholder="That of the provider"
            onChange={(event) => setAddress(event.currentTarget.value.trim())}
          />
        </SimpleGrid>
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
              definition: tryDefinition(text, { provider, model, secret, address }),
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
