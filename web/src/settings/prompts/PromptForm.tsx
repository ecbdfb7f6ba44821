// Writes a new version of a prompt. Members without prompt:write read the text.
import { Button, Group, NativeSelect, SimpleGrid, Stack, TextInput } from '@mantine/core';
import type { FormEvent } from 'react';
import { useMay } from '../../shared/app.tsx';
import { CodeEditor, JsonEditor, parseJson } from '../../shared/code/editors.tsx';
import { ask, useAction } from '../../shared/query.ts';
import { ErrorState } from '../../shared/states.tsx';
import { supabase } from '../../shared/supabase.ts';
import type { PromptDraft } from './PromptView.tsx';
import { PROMPT_CHANGES, type Prompt } from './use-prompts.ts';

interface Props {
  prompt: Prompt | undefined;
  draft: PromptDraft;
  onChange(draft: PromptDraft): void;
  onCreated(id: string): void;
}

const VISIBILITY = [
  { value: 'private', label: 'This application' },
  { value: 'organization', label: 'The applications of the organization' },
  { value: 'public', label: 'Every application' },
];

export function PromptForm({ prompt, draft, onChange, onCreated }: Props) {
  const mayWrite = useMay('prompt:write');
  const set = (values: Partial<PromptDraft>) => onChange({ ...draft, ...values });
  const save = useAction(
    async () => {
      const { name, version, description, visibility } = draft;
      return await ask(
        supabase
          .from('agent_prompts')
          .insert({
            name,
            version,
            description,
            visibility,
            prompt_content: draft.text,
            prompt_variables: parseJson(draft.variables) as never,
            ...(prompt
              ? {
                  display_name: prompt.display_name,
                  capabilities: prompt.capabilities,
                  tags: prompt.tags,
                  recommended_models: prompt.recommended_models,
                }
              : {}),
          })
          .select('id')
          .single(),
      );
    },
    {
      success: `${draft.name} has the version ${draft.version}.`,
      changes: PROMPT_CHANGES,
      onSuccess: ({ id }) => onCreated(id),
      isQuiet: true,
    },
  );
  function submit(event: FormEvent): void {
    event.preventDefault();
    save.run();
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        {!prompt && (
          <TextInput
            label="Name"
            required
            value={draft.name}
            description="Steps name it as prompt_name."
            onChange={(event) => set({ name: event.currentTarget.value })}
          />
        )}
        <CodeEditor
          label="Text"
          language="text"
          value={draft.text}
          isReadOnly={!mayWrite}
          minHeight={220}
          description="Values of the variables replace {{ … }}."
          onChange={(text) => set({ text })}
        />
        <JsonEditor
          label="Variables"
          value={draft.variables}
          isReadOnly={!mayWrite}
          minHeight={90}
          description="The JSON Schema of each variable by its name. One with a default may be left out."
          onChange={(variables) => set({ variables })}
        />
        {mayWrite && (
          <>
            <TextInput
              label="Description"
              value={draft.description}
              onChange={(event) => set({ description: event.currentTarget.value })}
            />
            <SimpleGrid cols={{ base: 1, xs: 2 }}>
              <TextInput
                label="New version"
                required
                value={draft.version}
                onChange={(event) => set({ version: event.currentTarget.value })}
              />
              <NativeSelect
                label="Who may use it"
                value={draft.visibility}
                data={VISIBILITY}
                onChange={(event) => set({ visibility: event.currentTarget.value })}
              />
            </SimpleGrid>
          </>
        )}
        {save.error && <ErrorState error={save.error} />}
        {mayWrite && (
          <Group>
            <Button type="submit" loading={save.isRunning}>
              Save as a new version
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  );
}
