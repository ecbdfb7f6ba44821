// Which model a test run asks, and with which key: `<ModelFields model={model} onChange={setModel} />`.
import { Autocomplete, NativeSelect, SimpleGrid, TextInput } from '@mantine/core';
import { useMay } from '../../shared/app.tsx';
import { ask, useAppQuery } from '../../shared/query.ts';
import { supabase } from '../../shared/supabase.ts';
import type { Model } from '../prompts/try-definition.ts';
import { useModels } from '../prompts/use-models.ts';

/** As the step type llm_call has them. */
const PROVIDERS = ['openai-compatible', 'openai', 'anthropic'];

/** Names of secrets that can be the key of a provider. */
function useSecretNames(): string[] {
  const { data } = useAppQuery(
    ['secrets', 'names'],
    async (signal) => await ask(supabase.rpc('list_secrets').abortSignal(signal)),
    { enabled: useMay('secret:read') },
  );
  return (data ?? []).map(({ name }) => name);
}

interface Props {
  model: Model;
  recommended?: readonly string[];
  onChange(model: Model): void;
}

export function ModelFields({ model: given, recommended = [], onChange }: Props) {
  const { provider, model, secret, address } = given;
  const models = useModels(recommended);
  const secrets = useSecretNames();
  const set = (change: Partial<Model>) => onChange({ ...given, ...change });
  return (
    <>
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <Autocomplete
          label="Model"
          value={model}
          data={models}
          onChange={(next) => set({ model: next })}
        />
        <NativeSelect
          label="Provider"
          value={provider}
          data={PROVIDERS}
          onChange={(event) => set({ provider: event.currentTarget.value })}
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
          onChange={(event) => set({ secret: event.currentTarget.value })}
        />
        <TextInput
          label="Address"
          type="url"
          value={address}
          placeholder="That of the provider"
          onChange={(event) => set({ address: event.currentTarget.value.trim() })}
        />
      </SimpleGrid>
    </>
  );
}
